/** In which order the files of tests run, so that both cores have work from the first minute to the last. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * They take a minute and more, most of it waiting: for a deadline, a node that comes back, a browser that starts. Begun last
 * they would be waited for alone.
 */
const LONGEST = ['core-resume', 'several-nodes', 'engines', 'dashboard', 'browser-page', 'postgres-restart'];

/** Files of a project that follow one another: they share a worker, so that it loads once what they test. */
const AT_A_TIME = 6;

/** The longest first; then the projects side by side, each a few files at a time from its largest to its smallest, so that browsers have servers beside them. */
export class MixedOrder extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(specifications);
    const sizes = new Map<string, number>();
    for (const { project } of sorted) sizes.set(project.name, (sizes.get(project.name) ?? 0) + 1);
    const seen = new Map<string, number>();
    const placed = sorted.map((specification) => {
      const { name } = specification.project;
      const at = seen.get(name) ?? 0;
      seen.set(name, at + 1);
      const long = LONGEST.findIndex((each) => specification.moduleId.endsWith(`/${each}.test.ts`));
      const place = (at - (at % AT_A_TIME)) / (sizes.get(name) ?? 1);
      return { specification, place: long === -1 ? place : long - LONGEST.length };
    });
    return placed.sort((one, other) => one.place - other.place).map(({ specification }) => specification);
  }
}
