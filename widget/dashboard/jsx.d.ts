/** Lets our own Preact pages write `<chat-files-dashboard>`. Not part of the package, as `element/jsx.d.ts`. */
import type { ChatFilesDashboardAttributes, ChatFilesDashboardElement } from './dashboard-element.tsx';

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-files-dashboard': ChatFilesDashboardAttributes & ClassAttributes<ChatFilesDashboardElement>;
    }
  }
}
