/** The cameras of this device, as they come and go. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';

/** Ids are known only after the person has allowed one: asked again with each `stream`. */
export function useCameras(stream: MediaStream | null): MediaDeviceInfo[] {
  const [cameras, setCameras] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    if (!stream) return;
    let isOver = false;
    const look = () =>
      navigator.mediaDevices
        .enumerateDevices()
        .then((devices) => !isOver && setCameras(devices.filter(({ kind }) => kind === 'videoinput')))
        .catch(() => {});
    void look();
    navigator.mediaDevices.addEventListener('devicechange', look);
    return () => {
      isOver = true;
      navigator.mediaDevices.removeEventListener('devicechange', look);
    };
  }, [stream]);
  return cameras;
}
