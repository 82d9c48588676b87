import type { PointKind } from './data.js';
import type { Stage } from '../../contracts/runs.js';

/** Colours by name: of light pages and print, and of dark ones. Told apart also by who sees no red or green (after Okabe and Ito). */
const COLOURS = {
  page: ['#ffffff', '#16181d'],
  text: ['#1d2129', '#e4e7ec'],
  muted: ['#59616e', '#a0a8b4'],
  line: ['#d8dce2', '#363b44'],
  link: ['#0059a8', '#7cbcf5'],
  blue: ['#0072b2', '#56b4e9'],
  vermilion: ['#c24e00', '#ff9a52'],
  green: ['#00805d', '#2fc79b'],
  amber: ['#a36a00', '#f0b941'],
  purple: ['#a3487f', '#e08fc0'],
  grey: ['#6d7683', '#98a1ad'],
  sand: ['#8a8000', '#e6db55'],
  brown: ['#7d4a26', '#cf9a70'],
} as const;

export type Colour = keyof typeof COLOURS;

/** A colour that follows the reader's theme. */
export const colour = (name: Colour) => `var(--${name})`;

const variables = (theme: 0 | 1) =>
  Object.entries(COLOURS)
    .map(([name, values]) => `--${name}:${values[theme]}`)
    .join(';');

/** How each kind of mark looks: colour and shape. */
export const KINDS: Readonly<Record<PointKind, readonly [Colour, string]>> = {
  Deployed: ['blue', 'circle'],
  Rejected: ['vermilion', 'cross'],
  Trained: ['green', 'diamond'],
  Failed: ['purple', 'triangle-up'],
  Cancelled: ['amber', 'triangle-down'],
  NoNewData: ['grey', 'square'],
  'live model': ['grey', 'stroke'],
  // Lines from top to bottom, and so in the legend.
  'rolled back': ['vermilion', 'M0,-1L0,1'],
  'deployed anew': ['green', 'M0,-1L0,1'],
};

export const STAGE_COLOURS: Readonly<Partial<Record<Stage, Colour>>> = {
  prepare: 'brown',
  'check data': 'grey',
  train: 'sand',
  await: 'blue',
  evaluate: 'purple',
  gate: 'amber',
  deploy: 'green',
  record: 'vermilion',
};

/** The page's style sheet. Dark where the reader's system is; always light on paper. */
export const STYLE = `
:root{color-scheme:light dark;${variables(0)}}
@media (prefers-color-scheme:dark){:root{${variables(1)}}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:76rem;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
p{margin:.25rem 0}
.muted,figcaption small{color:var(--muted)}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.5rem 0;padding:0;list-style:none}
figure{margin:1.5rem 0}
figcaption{margin-bottom:.5rem;font-weight:600}
figcaption small{display:block;font-weight:400;font-size:.87rem}
svg{display:block;max-width:100%;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
caption{padding:.5rem 0;text-align:left;font-weight:600;font-size:15px}
th,td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{color:var(--muted);font-weight:600;white-space:nowrap}
tbody th{font-weight:400;white-space:nowrap}
time{white-space:nowrap}
.number{text-align:right;white-space:nowrap}
.reason{min-width:16rem}
code{font:.8rem ui-monospace,monospace;white-space:nowrap}
${Object.entries(KINDS)
  .map(([kind, [name]]) => `.${kind.replace(' ', '-')}{color:var(--${name});font-weight:600}`)
  .join('\n')}
@media print{
:root{color-scheme:light;${variables(0)}}
@page{size:landscape;margin:12mm}
body{max-width:none;padding:0;font-size:11px}
nav{display:none}
figure,tr{break-inside:avoid}
thead{display:table-header-group}
.scroll{overflow:visible}
code{font-size:8px;white-space:normal;overflow-wrap:anywhere}
a{color:inherit;text-decoration:none}
}
`.trim();
