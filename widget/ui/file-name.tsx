/** A file's name as somebody else wrote it: isolated from the text around, and cut in its middle only when very long. */

/** A name of up to this many characters is shown whole, in as many lines as it takes. */
const MAX_WHOLE = 64;
/** What stays of a longer one, in characters. */
const KEPT_START = 30;
const KEPT_END = 14;
/** The extension says what opens it, and is never broken over two lines. */
const EXTENSION = /\.[\p{L}\p{N}]{1,12}$/u;

/** Copying it, searching for it and a screen reader get all of it; sighted people see its start, its end and the extension. */
export function FileName({ name }: { name: string }) {
  const extension = EXTENSION.exec(name)?.[0] ?? '';
  const stem = name.slice(0, name.length - extension.length);
  const characters = name.length > MAX_WHOLE ? Array.from(stem) : [];
  const isCut = characters.length > KEPT_START + KEPT_END;
  return (
    <bdi class="file-name" title={isCut ? name : undefined}>
      {isCut ? (
        <>
          {characters.slice(0, KEPT_START).join('')}
          <span class="name-middle">{characters.slice(KEPT_START, -KEPT_END).join('')}</span>
          {characters.slice(-KEPT_END).join('')}
        </>
      ) : (
        stem
      )}
      {extension !== '' && <span class="name-extension">{extension}</span>}
    </bdi>
  );
}
