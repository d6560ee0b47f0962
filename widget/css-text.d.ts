/** A stylesheet as text, minified by the build: for shadow roots (`import { css } from './x.css?text'`). */
declare module '*.css?text' {
  export const css: string;
}
