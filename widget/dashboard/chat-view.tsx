/** The right side: the chosen chat with its two views, or all files, under a line that says what it is. */
import type { ComponentChildren, RefObject } from '@uppy/core/utils/preact';
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import type { CompanyChats } from './company.ts';
import { PlaceLink, useParts, usePlace } from './dashboard-context.tsx';
import { DownloadAll } from './download-all.tsx';
import { FileView } from './file-view.tsx';
import { OpenChats } from './open-chats.tsx';

/** `isAlone`: the list makes room for it, and the line above does too. */
export function ChatView(props: { chats: CompanyChats; heading: RefObject<HTMLHeadingElement>; isAlone: boolean }) {
  const { chats, heading, isAlone } = props;
  const { company } = useParts();
  const words = useWords();
  const place = usePlace();
  const { caller, rows } = chats;
  const { rows: known } = useObservable(rows.state);
  const chatId = place.kind === 'chat' ? place.id : null;
  const isDeleted = useDeleted(chatId, known, rows.exists);
  const isChat = place.kind === 'chat' && !isDeleted;

  useEffect(() => {
    company.look(isDeleted ? null : chatId);
  }, [company, chatId, isDeleted]);

  return (
    <>
      {place.kind === 'none' && known.length > 0 && (
        <Nothing icon="chat">
          <p>{words.label('chooseChat')}</p>
        </Nothing>
      )}
      {place.kind === 'files' && (
        <Bar heading={heading} isAlone={isAlone} title={words.label('allFiles')}>
          {null}
        </Bar>
      )}
      {place.kind === 'chat' && (
        <Bar heading={heading} isAlone={isAlone} title={place.id}>
          {!isDeleted && <DownloadAll sessionId={place.id} />}
          {!isDeleted && (
            <nav class="views" aria-label={words.label('showAs')}>
              <PlaceLink to={{ ...place, view: 'chat' }} class="view" current={place.view === 'chat'}>
                {words.label('chatTab')}
              </PlaceLink>
              <PlaceLink to={{ ...place, view: 'files' }} class="view" current={place.view === 'files'}>
                {words.label('filesTab')}
              </PlaceLink>
            </nav>
          )}
        </Bar>
      )}
      {isDeleted && (
        <Nothing icon="delete">
          <p role="alert">{words.label('chatDeleted')}</p>
        </Nothing>
      )}
      <OpenChats
        companyId={caller.company_id}
        rows={rows}
        shownId={isChat && place.view === 'chat' ? place.id : null}
      />
      {place.kind === 'files' && <FileView key="company" sessionId={null} />}
      {isChat && place.view === 'files' && <FileView key={place.id} sessionId={place.id} />}
    </>
  );
}

/** A chat that was there and went while it was open; one that nothing is known of may be new. */
function useDeleted(id: string | null, known: unknown, exists: (id: string) => boolean): boolean {
  const [deletedId, setDeletedId] = useState<string | null>(null);
  // Asked again after each change of the list.
  useEffect(() => setDeletedId(id !== null && !exists(id) ? id : null), [id, known]);
  return id !== null && deletedId === id;
}

function Bar(props: {
  heading: RefObject<HTMLHeadingElement>;
  isAlone: boolean;
  title: string;
  children: ComponentChildren;
}) {
  const words = useWords();
  const Heading = props.isAlone ? 'h1' : 'h2';
  return (
    <header class="bar">
      <PlaceLink to={{ kind: 'none' }} class="icon-button back" label={words.label('back')}>
        <Icon name="back" />
      </PlaceLink>
      <Heading class="bar-title" ref={props.heading} tabIndex={-1}>
        <bdi>{props.title}</bdi>
      </Heading>
      {props.children}
    </header>
  );
}

function Nothing({ icon, children }: { icon: 'chat' | 'delete'; children: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} />
      </span>
      {children}
    </div>
  );
}
