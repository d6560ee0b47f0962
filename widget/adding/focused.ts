/** A ref: what appears takes the focus, once. A function made anew at each render would take it again each time. */
export function focused(element: HTMLElement | null): void {
  element?.focus();
}
