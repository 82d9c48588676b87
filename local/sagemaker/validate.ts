import { ApiError } from './context.js';

/** Names of jobs, endpoints and configurations (63 characters at most). */
export const NAME_PATTERN = '^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}';
/** IAM role ARNs. */
export const ROLE_PATTERN = '^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$';
export const S3_PATTERN = '^(https|s3)://([^/]+)/?(.*)$';
export const KMS_PATTERN = '^[a-zA-Z0-9:/_-]*$';

interface Rule {
  readonly required?: boolean;
}

export interface StringRule extends Rule {
  readonly min?: number;
  readonly max?: number;
  /** Whole-value pattern, printed in the message as AWS prints it. */
  readonly pattern?: string;
  /** The pattern uses Unicode classes. */
  readonly unicode?: boolean;
  readonly values?: readonly string[];
}

export interface RangeRule extends Rule {
  readonly min?: number;
  readonly max?: number;
}

/**
 * Checks a request's fields and collects what is wrong with them, so that one answer names all of it with the text
 * AWS gives: `2 validation errors detected: Value 'x' at 'trainingJobName' failed to satisfy constraint: …; Value null at …`.
 * A value of the wrong JSON type ends at once as SerializationException, as on AWS.
 */
export class Fields {
  constructor(
    private readonly value: Record<string, unknown>,
    private readonly path = '',
    private readonly failures: string[] = [],
  ) {}

  readonly #later: (() => void)[] = [];

  /** A check of what the shape does not say, made by `done` once the shape is right. */
  onceDone(check: () => void): void {
    this.#later.push(check);
  }

  string(name: string, rule: StringRule = {}): string | undefined {
    const value = this.typed<string>(name, 'String', (candidate) => typeof candidate === 'string', rule);
    if (value !== undefined) this.checkString(this.at(name), value, rule);
    return value;
  }

  integer(name: string, rule: RangeRule = {}): number | undefined {
    const value = this.typed<number>(name, 'Integer', (candidate) => Number.isInteger(candidate), rule);
    if (value === undefined) return undefined;
    if (rule.min !== undefined && value < rule.min) {
      this.fail(this.at(name), value, `Member must have value greater than or equal to ${rule.min}`);
    }
    if (rule.max !== undefined && value > rule.max) {
      this.fail(this.at(name), value, `Member must have value less than or equal to ${rule.max}`);
    }
    return value;
  }

  boolean(name: string, rule: Rule = {}): boolean | undefined {
    return this.typed<boolean>(name, 'Boolean', (candidate) => typeof candidate === 'boolean', rule);
  }

  /** A nested structure, or undefined if it is absent. */
  structure(name: string, rule: Rule = {}): Fields | undefined {
    const value = this.typed<Record<string, unknown>>(name, 'Structure', isRecord, rule);
    return value && new Fields(value, this.at(name), this.failures);
  }

  /** The members of a list of structures. */
  structures(name: string, rule: RangeRule = {}): Fields[] {
    return this.list<Record<string, unknown>>(name, isRecord, rule).map(
      (item, index) => new Fields(item, `${this.at(name)}.${index + 1}.member`, this.failures),
    );
  }

  /** The members of a list of strings, each checked by `item`. */
  strings(name: string, rule: RangeRule = {}, item: StringRule = {}): string[] {
    const values = this.list<string>(name, (candidate) => typeof candidate === 'string', rule);
    values.forEach((value, index) => this.checkString(`${this.at(name)}.${index + 1}.member`, value, item));
    return values;
  }

  /** A map of strings. */
  map(name: string, rule: { max?: number; key?: StringRule; value?: StringRule } & Rule = {}): Record<string, string> {
    const map = this.typed<Record<string, string>>(name, 'Map', isRecord, rule) ?? {};
    const entries = Object.entries(map);
    if (rule.max !== undefined && entries.length > rule.max) this.failLength(this.at(name), map, 'less', rule.max);
    for (const [key, value] of entries) {
      if (typeof value !== 'string') throw serialization(`${this.at(name)}.${key}`, 'String');
      this.checkString(`${this.at(name)}.${key}.key`, key, rule.key ?? {});
      this.checkString(`${this.at(name)}.${key}.value`, value, rule.value ?? {});
    }
    return map;
  }

  /** Throws one ValidationException that names everything found so far. */
  done(): void {
    const count = this.failures.length;
    if (count === 0) return this.#later.forEach((check) => check());
    const head = count === 1 ? '1 validation error detected' : `${count} validation errors detected`;
    throw new ApiError('ValidationException', `${head}: ${this.failures.join('; ')}`);
  }

  private typed<T>(name: string, type: string, is: (value: unknown) => boolean, rule: Rule): T | undefined {
    const value = this.value[name];
    if (value === undefined || value === null) {
      if (rule.required) this.fail(this.at(name), null, 'Member must not be null');
      return undefined;
    }
    if (!is(value)) throw serialization(this.at(name), type);
    return value as T;
  }

  private list<T>(name: string, is: (value: unknown) => boolean, rule: RangeRule): T[] {
    const value = this.typed<T[]>(name, 'List', Array.isArray, rule);
    if (value === undefined) return [];
    if (!value.every(is)) throw serialization(this.at(name), 'List member');
    if (rule.min !== undefined && value.length < rule.min) this.failLength(this.at(name), value, 'greater', rule.min);
    if (rule.max !== undefined && value.length > rule.max) this.failLength(this.at(name), value, 'less', rule.max);
    return value;
  }

  private checkString(path: string, value: string, rule: StringRule): void {
    if (rule.values && !rule.values.includes(value)) {
      this.fail(path, value, `Member must satisfy enum value set: [${rule.values.join(', ')}]`);
    }
    if (rule.min !== undefined && value.length < rule.min) this.failLength(path, value, 'greater', rule.min);
    if (rule.max !== undefined && value.length > rule.max) this.failLength(path, value, 'less', rule.max);
    if (rule.pattern && !new RegExp(`^(?:${rule.pattern})$`, rule.unicode ? 'u' : '').test(value)) {
      this.fail(path, value, `Member must satisfy regular expression pattern: ${rule.pattern}`);
    }
  }

  private failLength(path: string, value: unknown, than: 'greater' | 'less', limit: number): void {
    this.fail(path, value, `Member must have length ${than} than or equal to ${limit}`);
  }

  private fail(path: string, value: unknown, constraint: string): void {
    const shown = value === null ? 'null' : `'${typeof value === 'string' ? value : JSON.stringify(value)}'`;
    this.failures.push(`Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`);
  }

  /** AWS prints members in lower camel case: `outputDataConfig.s3OutputPath`. */
  private at(name: string): string {
    const member = name.charAt(0).toLowerCase() + name.slice(1);
    return this.path === '' ? member : `${this.path}.${member}`;
  }
}

/** Checks one required resource name, the whole request of a Describe, Stop or Delete; returns it. */
export function requireName(input: Record<string, unknown>, member: string): string {
  const fields = new Fields(input);
  const name = fields.string(member, { required: true, max: 63, pattern: NAME_PATTERN });
  fields.done();
  return name as string;
}

/** Refuses a request for what several members say together. */
export function refuse(message: string): never {
  throw new ApiError('ValidationException', message);
}

function serialization(path: string, type: string): ApiError {
  return new ApiError('SerializationException', `Value at '${path}' can not be converted to ${type}`);
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
