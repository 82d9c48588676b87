/**
 * A made-up warehouse of ticket sales in the shape of the public TICKIT sample: venues, dates, events of one year and their sales,
 * pipe-delimited. Names and numbers are generated, the same for the same seed; what an event takes in depends on the seats of its venue,
 * its category, month and weekday, and on chance.
 */

/** An event as the query exports it. */
export interface EventRow {
  readonly event: number;
  /** One line, label first: the total price in US dollars, then the values of `EVENT_FEATURES`. */
  readonly csv: string;
}

export interface Warehouse {
  /** Lines of the raw objects, by table. */
  readonly tables: Readonly<Record<'venue' | 'date' | 'event' | 'sales', string>>;
  /** What query.sql makes of the tables, computed without them; each event is in one part only. */
  readonly train: readonly EventRow[];
  readonly test: readonly EventRow[];
}

/** Columns of `EventRow.csv` after the label. */
export const EVENT_FEATURES = ['seats', 'category', 'month', 'weekday', 'holiday'] as const;
/** The first day on which every event is over. */
export const AS_OF = '2025-01-01';

const YEAR = 2024;
const DAYS = 366;
const VENUES = 80;
const EVENTS = 4_000;
const DAY_MS = 86_400_000;
/** One event in ten judges the model and is never exported: query.sql leaves the same ones out. */
const HELD_BACK_EVERY = 10;
const NOISE = 0.12;

// By category, by month from January, by weekday from Sunday: what they multiply a price by.
const CATEGORIES = [0.5, 0.8, 1, 1.3, 1.7, 2.2];
const MONTHS = [0.7, 0.75, 0.9, 1, 1.05, 1.2, 1.3, 1.25, 1, 0.95, 1.1, 1.5];
const WEEKDAYS = [1.1, 0.7, 0.75, 0.8, 0.95, 1.3, 1.45];
const WEEKDAY_NAMES = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const HOLIDAYS = new Set(['01-01', '07-04', '12-24', '12-25', '12-26', '12-31']);
const HOLIDAY_FACTOR = 1.4;
const FIRST_NAMES = ['Amber', 'Brass', 'Cedar', 'Distant', 'Early', 'Golden', 'Hollow', 'Northern', 'Paper', 'Quiet'];
const LAST_NAMES = ['Bells', 'Comets', 'Drummers', 'Gardens', 'Harbours', 'Lanterns', 'Rivers', 'Sparrows'];

interface Day {
  readonly id: number;
  readonly iso: string;
  readonly month: number;
  readonly weekday: number;
  readonly holiday: boolean;
}

/** Builds 4,000 events of 2024 in 80 venues, and some 34,000 sales. */
export function buildWarehouse(seed = 7): Warehouse {
  const random = randomOf(seed);
  const below = (end: number) => Math.floor(random() * end);
  const days = calendar();
  const seats = Array.from({ length: VENUES }, () => Math.round(500 * 100 ** random()));
  const events: string[] = [];
  const sales: string[] = [];
  const rows = { train: [] as EventRow[], test: [] as EventRow[] };
  for (let event = 1; event <= EVENTS; event += 1) {
    const [venue, category, day] = [below(VENUES), below(CATEGORIES.length), days[below(DAYS)] as Day];
    const name = `The ${FIRST_NAMES[below(FIRST_NAMES.length)]} ${LAST_NAMES[below(LAST_NAMES.length)]}`;
    const hour = 14 + below(8);
    events.push(`${event}|${venue + 1}|${category + 1}|${day.id}|${name}|${day.iso} ${hour}:00:00`);
    const expected = 40 * (seats[venue] as number) ** 0.6 * factorOf(day) * (CATEGORIES[category] as number);
    const prices = split(Math.round(100 * expected * Math.exp(NOISE * normal(random))), 4 + below(9), random);
    for (const cents of prices) {
      const sold = new Date(Date.parse(day.iso) - below(60 * DAY_MS));
      // Buyers of the last two months of the year before have no date of their own in the calendar.
      const sale = sold.getUTCFullYear() < YEAR ? new Date(Date.parse(`${YEAR}-01-01`)) : sold;
      const people = `${1 + below(50_000)}|${1 + below(50_000)}`;
      const commission = (0.15 * cents) / 100;
      sales.push(
        `${sales.length + 1}|${people}|${event}|${dayOfYear(sale)}|${1 + below(8)}|${price(cents)}|${commission.toFixed(2)}|${saleTime(sale)}`,
      );
    }
    const total = price(prices.reduce((sum, cents) => sum + cents, 0));
    const csv = `${[total, seats[venue], category + 1, day.month, day.weekday, Number(day.holiday)].join(',')}\n`;
    rows[event % HELD_BACK_EVERY === 0 ? 'test' : 'train'].push({ event, csv });
  }
  const venues = seats.map((count, index) => `${index + 1}|Hall ${index + 1}|Town ${1 + (index % 12)}|${count}`);
  const tables = { venue: lines(venues), date: lines(days.map(dateLine)), event: lines(events), sales: lines(sales) };
  return { tables, ...rows };
}

function calendar(): Day[] {
  return Array.from({ length: DAYS }, (_, index) => {
    const date = new Date(Date.parse(`${YEAR}-01-01`) + index * DAY_MS);
    const iso = date.toISOString().slice(0, 10);
    const holiday = HOLIDAYS.has(iso.slice(5));
    return { id: index + 1, iso, month: date.getUTCMonth() + 1, weekday: date.getUTCDay(), holiday };
  });
}

/** dateid|caldate|day|week|month|qtr|year|holiday */
function dateLine({ id, iso, month, weekday, holiday }: Day): string {
  const [week, quarter] = [Math.ceil(id / 7), `${Math.ceil(month / 3)}`];
  return `${id}|${iso}|${WEEKDAY_NAMES[weekday]}|${week}|${MONTH_NAMES[month - 1]}|${quarter}|${YEAR}|${holiday}`;
}

const factorOf = ({ month, weekday, holiday }: Day): number =>
  (MONTHS[month - 1] as number) * (WEEKDAYS[weekday] as number) * (holiday ? HOLIDAY_FACTOR : 1);

/** Cuts an amount into so many parts of uneven size, none of them nothing. */
function split(amount: number, parts: number, random: () => number): number[] {
  const weights = Array.from({ length: parts }, () => 0.2 + random());
  const sum = weights.reduce((all, one) => all + one, 0);
  const cut = weights.slice(1).map((one) => Math.max(1, Math.floor((amount * one) / sum)));
  return [amount - cut.reduce((all, one) => all + one, 0), ...cut];
}

const price = (cents: number): string => (cents / 100).toFixed(2);
const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
const dayOfYear = (date: Date): number => Math.floor((date.getTime() - Date.parse(`${YEAR}-01-01`)) / DAY_MS) + 1;

/** MM/DD/YYYY HH:MI:SS */
function saleTime(date: Date): string {
  const [day = '', time = ''] = date.toISOString().split('T');
  return `${day.slice(5, 7)}/${day.slice(8)}/${day.slice(0, 4)} ${time.slice(0, 8)}`;
}

/** Numbers from 0 up to, and without, 1, the same for the same seed (mulberry32, public domain). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Normally distributed, by the method of Box and Muller. */
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
