/** What a list of allowed types lets in, and which entries it may hold. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_ALLOWED_TYPES, INLINE_TYPES, typeNamed } from '../../server/rules/file-types.ts';
import { forbiddenByExtension, forbiddenByType } from '../../server/rules/forbidden-types.ts';
import { isTypeAllowed, isTypePattern } from '../../server/rules/type-patterns.ts';
import { TYPES } from '../../server/rules/type-table.ts';

describe('isTypeAllowed', () => {
  it.each([
    ['image/png', ['image/*'], true],
    ['image/png', ['image/png'], true],
    ['image/png', ['IMAGE/PNG'], true],
    ['image/png', ['image/jpeg', '*'], true],
    ['image/png', ['*/*'], true],
    ['image/png', ['image/jpeg'], false],
    ['image/png', [], false],
    ['imagex/png', ['image/*'], false],
    ['image/jpeg', ['image/jpg'], true],
    ['image/jpg', ['image/jpeg'], true],
    ['audio/mp4', ['audio/x-m4a'], true],
    ['text/csv', ['application/vnd.ms-excel'], false], // what Windows calls a CSV is no alias in a setting
    ['audio/ogg; codecs=opus', ['audio/ogg'], true],
  ])('%s in %j: %s', (type, allowed, expected) => {
    expect(isTypeAllowed(type, allowed)).toBe(expected);
  });
});

describe('isTypePattern', () => {
  it.each(['*', '*/*', 'image/*', 'image/png', 'application/vnd.ms-excel', 'image/svg+xml', 'Audio/MP3'])(
    '%s',
    (entry) => {
      expect(isTypePattern(entry)).toBe(true);
    },
  );
  it.each([
    '',
    'image',
    '.pdf',
    'pdf',
    '*/png',
    'image/',
    '/png',
    'image/png; q=1',
    'image png',
    'image/png,text/csv',
    'a/b/c',
  ])('not %j', (entry) => {
    expect(isTypePattern(entry)).toBe(false);
  });
});

describe('the table', () => {
  const names = TYPES.flatMap((type) => [type.mimeType, ...type.aliases]);

  it('names each type once', () => {
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });
  it('holds no forbidden type or extension', () => {
    expect(names.filter((name) => forbiddenByType(name) !== undefined)).toEqual([]);
    expect(TYPES.flatMap((type) => type.extensions).filter((extension) => forbiddenByExtension(extension))).toEqual([]);
  });
  it('knows every default and inline type by its canonical name', () => {
    expect(DEFAULT_ALLOWED_TYPES.filter((type) => !isTypePattern(type))).toEqual([]);
    for (const type of [...DEFAULT_ALLOWED_TYPES.filter((entry) => !entry.endsWith('/*')), ...INLINE_TYPES]) {
      expect(typeNamed(type)?.mimeType).toBe(type);
    }
  });
  it('shows nothing inline but pictures, audio and video', () => {
    expect(INLINE_TYPES.filter((type) => !/^(?:image|audio|video)\/(?!svg)/.test(type))).toEqual([]);
  });
  it('sees nothing in an empty name or type', () => {
    expect([forbiddenByExtension(''), forbiddenByType(''), typeNamed('')]).toEqual([undefined, undefined, undefined]);
  });
});
