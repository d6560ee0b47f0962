/** The chats whose `<chat-files>` lives: the one in view, and those that still send something. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFilesElement } from '../element/chat-files-element.tsx';
import { useWords } from '../ui/use-words.tsx';
import type { ChatRows } from './chat-rows.ts';
import { useParts } from './dashboard-context.tsx';

/** Who looks at another chat goes on sending here: an element that is taken away would stop its uploads. */
export function OpenChats({ companyId, rows, shownId }: { companyId: string; rows: ChatRows; shownId: string | null }) {
  const { company, apiBaseUrl, theme } = useParts();
  const words = useWords();
  const [elements] = useState(() => new Map<string, ChatFilesElement>());
  const [openIds, setOpenIds] = useState<string[]>([]);

  useEffect(() => {
    const stillSends = (id: string) => (elements.get(id)?.chat?.state.get().uploads.length ?? 0) > 0;
    setOpenIds((before) => {
      const kept = before.filter((id) => id === shownId || stillSends(id));
      return shownId === null || kept.includes(shownId) ? kept : [...kept, shownId];
    });
  }, [shownId, elements]);

  useEffect(() => {
    const stops = openIds.map((id) => {
      const chat = elements.get(id)?.chat;
      const tell = () => {
        const uploads = chat?.state.get().uploads ?? [];
        rows.setOwnUploads(id, uploads);
        // One that has sent everything while it was out of view has no more reason to stay.
        if (id !== shownId && uploads.length === 0) setOpenIds((before) => before.filter((other) => other !== id));
      };
      tell();
      return chat?.state.subscribe(tell);
    });
    return () => {
      for (const stop of stops) stop?.();
    };
  }, [openIds, shownId, elements, rows]);

  useEffect(() => {
    let before = company.state.get();
    return company.state.subscribe(() => {
      const now = company.state.get();
      const isBack = now.access === 'ok' && before.access !== 'ok';
      before = now;
      if (isBack) for (const element of elements.values()) element.chat?.tryAgain();
    });
  }, [company, elements]);

  return openIds.map((id) => (
    <div key={id} class="open-chat" hidden={id !== shownId}>
      <chat-files
        api-base-url={apiBaseUrl}
        company-id={companyId}
        session-id={id}
        locale={words.locale}
        theme={theme}
        heading={id}
        {...(company.getToken && { getToken: company.getToken })}
        ref={(element: ChatFilesElement | null) => {
          if (element === null) elements.delete(id);
          else elements.set(id, element);
        }}
      />
    </div>
  ));
}
