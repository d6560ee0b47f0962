/** One picture of a running camera. */

const QUALITY = 0.9;
const FRAME_TIMEOUT_MS = 5000;

/** In the camera's own resolution; null when it gives no picture. `type`: `image/jpeg` or `image/png`. */
export async function takePhoto(stream: MediaStream, type: string): Promise<Blob | null> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  try {
    await video.play();
    if (video.videoWidth === 0) await nextFrame(video);
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d')?.drawImage(video, 0, 0);
    return await new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
  } catch {
    return null;
  } finally {
    video.srcObject = null;
  }
}

function nextFrame(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve, reject) => {
    video.addEventListener('loadeddata', () => resolve(), { once: true });
    setTimeout(() => reject(new Error('The camera gives no picture.')), FRAME_TIMEOUT_MS);
  });
}
