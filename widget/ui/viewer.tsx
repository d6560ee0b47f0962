/** Opens the lightbox, which is a chunk of its own. */
import type { LightboxProps, Viewing } from '../lightbox/viewing.ts';
import { LazyPart } from './lazy-part.tsx';

const loadLightbox = () => import('../lightbox/lightbox.tsx').then(({ Lightbox }) => Lightbox);

export function Viewer({ viewing, ...rest }: Omit<LightboxProps, 'viewing'> & { viewing: Viewing | null }) {
  if (viewing === null) return null;
  return <LazyPart key={viewing.fileId} load={loadLightbox} use={{ ...rest, viewing }} onClose={rest.onClose} />;
}
