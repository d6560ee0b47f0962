/** Figures of servers that did the same work in turns: ratios of the pairs first, then what each of them used. */
import type { Sample, Turns } from './compare.ts';
import type { Figure, Target } from './work.ts';

type Amount = { amount: number; unit: 'MiB' | 'files' };

const MEBIBYTES_A_GIBIBYTE = 1024;

/** @param turns the first is the one that the others are compared with */
export function figuresOf(turns: readonly Turns[], { amount, unit }: Amount, targets: readonly Target[]): Figure[] {
  const reference = turns[0]?.samples ?? [];
  const unitOfRatios = `× ${turns[0]?.name}`;
  return turns.flatMap(({ name, samples }) => {
    const ratios = (of: (sample: Sample) => number) => samples.map((one, at) => of(one) / of(reference[at] as Sample));
    const selves = samples.flatMap(({ self }) => self ?? []);
    const perGibibyte = MEBIBYTES_A_GIBIBYTE / amount;
    const figures: Figure[] = [
      { what: 'throughput', unit: unitOfRatios, better: 'more', samples: ratios(({ seconds }) => 1 / seconds) },
      { what: 'CPU', unit: unitOfRatios, better: 'less', samples: ratios(({ cpu }) => cpu) },
      { what: 'speed', unit: `${unit}/s`, better: 'more', samples: samples.map(({ seconds }) => amount / seconds) },
      unit === 'files'
        ? { what: 'CPU a file', unit: 'ms', better: 'less', samples: samples.map(({ cpu }) => (cpu * 1000) / amount) }
        : { what: 'CPU a GiB', unit: 's', better: 'less', samples: samples.map(({ cpu }) => cpu * perGibibyte) },
      { what: 'memory', unit: 'MiB', better: 'less', samples: samples.map(({ mebibytes }) => mebibytes) },
    ];
    if (selves.length > 0) {
      const full = selves.map(({ fullCollections }) => fullCollections * (unit === 'MiB' ? perGibibyte : 1));
      figures.push(
        { what: 'loop busy', unit: '%', better: 'less', samples: selves.map(({ busy }) => busy * 100) },
        { what: 'loop late p99', unit: 'ms', better: 'less', samples: selves.map(({ lateP99Ms }) => lateP99Ms) },
        { what: 'collections', unit: 'a round', better: 'less', samples: selves.map(({ collections }) => collections) },
        {
          what: 'full collections',
          unit: unit === 'MiB' ? 'a GiB' : 'a round',
          better: 'less',
          samples: full,
        },
      );
    }
    return figures.map((figure) => {
      const target = targets.find(({ what, of }) => what === figure.what && of === name);
      return { ...figure, of: name, ...(target && { floor: target.floor, goal: target.goal }) };
    });
  });
}
