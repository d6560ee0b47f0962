/** What this device has besides files: a camera, a microphone, folders. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';

export type Abilities = {
  /** Its own camera app takes the picture: an input with `capture`. */
  isPhone: boolean;
  hasCamera: boolean;
  hasMicrophone: boolean;
  hasFolders: boolean;
};

type PolicyDocument = Document & { featurePolicy?: { allowsFeature(feature: string): boolean } };

/** Follows devices that are plugged in and out. Asks for no permission. */
export function useAbilities(): Abilities {
  const [abilities, setAbilities] = useState<Abilities>(withoutDevices);
  useEffect(() => {
    const devices = navigator.mediaDevices;
    // Not there on insecure pages, and in old web views.
    if (!devices?.enumerateDevices) return;
    let isOver = false;
    const look = () =>
      devices
        .enumerateDevices()
        .then((found) => {
          const has = (kind: MediaDeviceKind) => found.some((device) => device.kind === kind);
          if (isOver) return;
          setAbilities({
            ...withoutDevices(),
            hasCamera: has('videoinput') && mayUse('camera'),
            hasMicrophone: has('audioinput') && mayUse('microphone'),
          });
        })
        .catch(() => {});
    void look();
    devices.addEventListener?.('devicechange', look);
    return () => {
      isOver = true;
      devices.removeEventListener?.('devicechange', look);
    };
  }, []);
  return abilities;
}

function withoutDevices(): Abilities {
  const isPhone = isPhoneOrTablet();
  return {
    isPhone,
    hasCamera: false,
    hasMicrophone: false,
    // Phones have the property, and show a dialog without folders.
    hasFolders: !isPhone && 'webkitdirectory' in HTMLInputElement.prototype,
  };
}

/** An iPad says that it is a Mac, but no Mac has a touch screen. */
function isPhoneOrTablet(): boolean {
  const { userAgent, maxTouchPoints } = navigator;
  return /android|iphone|ipad|ipod/i.test(userAgent) || (/macintosh/i.test(userAgent) && maxTouchPoints > 1);
}

/** A frame may be without the permission whatever the person would say. */
function mayUse(feature: 'camera' | 'microphone'): boolean {
  return (document as PolicyDocument).featurePolicy?.allowsFeature(feature) ?? true;
}
