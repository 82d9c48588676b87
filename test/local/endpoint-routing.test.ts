import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../local/sagemaker/endpoints/fleet.js';
import { TrafficRouting, weightedPick } from '../../local/sagemaker/endpoints/routing.js';

const fleet = (name: string) => ({ endpoint: name }) as Fleet;

describe('weightedPick', () => {
  const items = [
    { name: 'a', weight: 1 },
    { name: 'b', weight: 0 },
    { name: 'c', weight: 3 },
  ];
  const picked = (random: number) => weightedPick(items, (item) => item.weight, random)?.name;

  it('picks by weight, and never what has none', () => {
    expect([0, 0.249, 0.25, 0.999999].map(picked)).toEqual(['a', 'a', 'c', 'c']);
  });

  it('gives equal chances if nothing has weight, and undefined for nothing', () => {
    const none = items.map((item) => ({ ...item, weight: 0 }));
    expect([0, 0.4, 0.9].map((random) => weightedPick(none, (item) => item.weight, random)?.name)).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(weightedPick([], () => 1, 0.5)).toBeUndefined();
  });
});

describe('TrafficRouting', () => {
  it('switches all at once and says which fleets lost the traffic', () => {
    const [blue, green] = [fleet('blue'), fleet('green')];
    const routing = new TrafficRouting();
    expect(routing.pick()).toBeUndefined();
    expect(routing.set([{ fleet: blue, weight: 1 }])).toEqual([]);
    expect(routing.pick()?.fleet).toBe(blue);
    expect(routing.set([{ fleet: green, weight: 1 }])).toEqual([blue]);
    expect(routing.pick(0.999)?.fleet).toBe(green);
  });

  it('shares traffic between two fleets', () => {
    const [blue, green] = [fleet('blue'), fleet('green')];
    const routing = new TrafficRouting();
    routing.set([
      { fleet: blue, weight: 90 },
      { fleet: green, weight: 10 },
    ]);
    expect([0.89, 0.91].map((random) => routing.pick(random)?.fleet)).toEqual([blue, green]);
    expect(routing.fleets).toEqual([blue, green]);
  });
});
