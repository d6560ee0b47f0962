/** Calls what the page gave us: its mistakes are reported as its own, and stop nothing here. */

export function callGuarded<T>(callback: ((value: T) => void) | undefined, value: T): void {
  try {
    callback?.(value);
  } catch (error) {
    // As an uncaught error of its own: `reportError` is younger than the oldest browsers we serve.
    setTimeout(() => {
      throw error;
    });
  }
}
