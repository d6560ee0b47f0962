/** Tells the page once of each upload that is given up, and each time that access is lost. */
import type { Observable } from './observable.ts';
import type { ChatFilesError } from './options.ts';
import type { Access } from './token.ts';
import type { Upload } from './upload.ts';

const LOST: Record<Exclude<Access, 'ok'>, ChatFilesError> = {
  expired: { code: 'token-expired', detail: 'The token has expired. Hand over a new one, and everything goes on.' },
  refused: { code: 'unauthenticated', detail: 'The server does not accept this token.' },
};

/** `refusal` is the server's sentence where it refused the caller this chat. @returns ends it */
export function watchForErrors(needs: {
  uploads: Observable<Upload[]>;
  access: Observable<Access>;
  refusal: Observable<string | null>;
  onError: (error: ChatFilesError) => void;
}): () => void {
  let failed = new Set<Upload['failure']>();

  function lookAtUploads(): void {
    const uploads = needs.uploads.get().filter(({ status }) => status === 'failed');
    const known = failed;
    failed = new Set(uploads.map(({ failure }) => failure));
    for (const { failure, file, size } of uploads) {
      if (!failure || known.has(failure)) continue;
      needs.onError({
        code: failure.code ?? 'server-error',
        detail: failure.detail ?? sentenceOf(failure, size),
        file,
      });
    }
  }

  const stops = [
    needs.uploads.subscribe(lookAtUploads),
    needs.access.subscribe(() => {
      const access = needs.access.get();
      if (access !== 'ok') needs.onError(LOST[access]);
    }),
    needs.refusal.subscribe(() => {
      const detail = needs.refusal.get();
      if (detail !== null) needs.onError({ code: 'forbidden', detail });
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function sentenceOf({ code }: NonNullable<Upload['failure']>, size: number): string {
  return code === 'file-too-large' ? `A file of ${size} bytes is over the limit.` : 'The upload did not work.';
}
