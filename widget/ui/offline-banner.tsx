/** Says once for all uploads that the network is away. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from './icons.tsx';
import { useWords } from './use-words.tsx';

/** `isWaiting`: an upload waits for the network, whatever the browser believes of it. */
export function OfflineBanner({ isWaiting }: { isWaiting: boolean }) {
  const words = useWords();
  const isOffline = useIsOffline();
  if (!isOffline && !isWaiting) return null;
  return (
    <p class="banner" data-tone="warn">
      <Icon name="offline" />
      <span>{words.label(isOffline ? 'offline' : 'waitNetwork')}</span>
    </p>
  );
}

function useIsOffline(): boolean {
  const [isOffline, setIsOffline] = useState(navigator.onLine === false);
  useEffect(() => {
    const look = () => setIsOffline(navigator.onLine === false);
    addEventListener('online', look);
    addEventListener('offline', look);
    look();
    return () => {
      removeEventListener('online', look);
      removeEventListener('offline', look);
    };
  }, []);
  return isOffline;
}
