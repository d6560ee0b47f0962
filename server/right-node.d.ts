export function hasRightNode(): boolean;
export function hideTypeScriptNotice(): void;
export function startUnderOwnNode(entry: string): Promise<void>;
