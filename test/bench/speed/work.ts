/** What `npm run bench` measures: each work says what is owed (floor) and wanted (goal), and runs to figures. `all-works.ts` lists them. */

/** One number that is measured, and what it is held to. */
export type Target = {
  /** 'throughput', 'CPU', 'p99', 'memory', … Short: it is a column. */
  what: string;
  /** Whose: 'Chatdrop' if not set. Peers, and what is only told, have neither floor nor goal. */
  of?: string;
  /** '× plain', 'KiB', 'MiB', 'ms', 's', … */
  unit: string;
  better: 'more' | 'less';
  floor?: number;
  goal?: number;
};

/** A sample for each round, in their order: the table tells their median, the least and the most. */
export type Figure = Target & { samples: readonly number[] };

/** What the run hands to a work. */
export type Bench = {
  /** Measured ones; a work that warms up does so before. */
  rounds: number;
  /** To see that it runs: a work does a tenth or so, and its figures say nothing. */
  quick: boolean;
  /** One line while it lasts: what is being done, how far it is. */
  progress(text: string): void;
  /** Of what a work used: `version('Ceph', '16.2.15')`. It stands in the file with the figures. */
  version(name: string, version: string): void;
};

export type Work = {
  /** Its letter. */
  id: string;
  title: string;
  /** All that has a floor or a goal: what a run does not bring is told as not measured. */
  targets: readonly Target[];
  /** Starts what it needs and ends it again, also when it fails. @throws when there is no figure to give; the others still run */
  run(bench: Bench): Promise<Figure[]>;
};
