export declare const CHEAP_CONTEXTS: string;
export function hasRightNode(): boolean;
export function hideTypeScriptNotice(): void;
export function startUnderOwnNode(entry: string): Promise<void>;
