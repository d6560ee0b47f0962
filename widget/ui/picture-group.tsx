/** Pictures that were sent together, as one tidy grid: up to four of them, the last one stands for the rest. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';
import { DownloadLink } from './download-link.tsx';
import { FileBadge } from './file-badge.tsx';
import { Message, WithConfirm } from './file-bubble.tsx';
import { FileName } from './file-name.tsx';
import { type OpenFile, Picture } from './picture.tsx';
import type { PictureBox } from './picture-box.ts';
import { useMediaLink } from './use-media-link.ts';
import { useWords } from './use-words.tsx';

const MAX_TILES = 4;
const TILE: PictureBox = { width: 172, ratio: 1, fit: 'fill' };
/** The first of three goes over the whole width. */
const WIDE_TILE: PictureBox = { width: 346, ratio: 2, fit: 'fill' };
/** CSS pixels with the line of the time, for one row and for two. */
const ROW_HEIGHTS = [194, 368] as const;

/** At least two. The rest is one step away: the viewer shows, names, saves and deletes each. */
export function PictureGroup(props: { files: ChatFile[]; chat: ChatFiles; onOpen: OpenFile }) {
  const { files, chat } = props;
  const words = useWords();
  const tiles = files.slice(0, MAX_TILES);
  const [first] = files;
  if (first === undefined) return null;
  return (
    <Message chat={chat} file={first} height={ROW_HEIGHTS[tiles.length > 2 ? 1 : 0]}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form's fields */}
      <div
        class="picture-group"
        role="group"
        aria-label={words.text('fileCount', { count: files.length })}
        data-count={tiles.length}
      >
        {tiles.map((file, index) => (
          <Tile
            key={file.id}
            chat={chat}
            file={file}
            box={tiles.length === 3 && index === 0 ? WIDE_TILE : TILE}
            more={index === MAX_TILES - 1 ? files.length - MAX_TILES : 0}
            onOpen={props.onOpen}
          />
        ))}
      </div>
    </Message>
  );
}

function Tile(props: { chat: ChatFiles; file: ChatFile; box: PictureBox; more: number; onOpen: OpenFile }) {
  const { chat, file, box } = props;
  const link = useMediaLink(chat, file, true);
  return (
    <article class="tile" tabIndex={-1} aria-label={file.name} data-file={file.id}>
      {link.isBroken ? (
        <div class="tile-card" style={{ aspectRatio: String(box.ratio) }}>
          <FileBadge name={file.name} type={file.mime_type} />
          <FileName name={file.name} />
        </div>
      ) : (
        <>
          <span class="visually-hidden">
            <FileName name={file.name} />
          </span>
          <Picture file={file} link={link} box={box} more={props.more} onOpen={props.onOpen} />
        </>
      )}
      <WithConfirm source={chat} file={file}>
        {(deleteButton) =>
          (props.more === 0 || link.isBroken) && (
            <div class="tile-actions">
              <DownloadLink source={chat} file={file} />
              {deleteButton}
            </div>
          )
        }
      </WithConfirm>
    </article>
  );
}
