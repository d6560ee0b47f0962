/** `import 'chatdrop/dashboard'`, or `<script type="module" src="…/widget/chat-files-dashboard.js">`: defines `<chat-files-dashboard>`. In browsers only. */
import { defineChatFilesDashboard } from '../dashboard/dashboard-element.tsx';

export type {
  AccessChangeEvent,
  ChatFilesDashboardAttributes,
  ChatFilesDashboardElement,
} from '../dashboard/dashboard-element.tsx';
export type { Theme } from '../frame/frame-messages.ts';
export type { Strings } from '../words/dictionary.ts';

defineChatFilesDashboard();
