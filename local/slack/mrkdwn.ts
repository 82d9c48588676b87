const emoji: Readonly<Record<string, string>> = {
  white_check_mark: '✅',
  heavy_check_mark: '✔️',
  x: '❌',
  warning: '⚠️',
  rotating_light: '🚨',
  hourglass_flowing_sand: '⏳',
  hourglass: '⌛',
  rocket: '🚀',
  package: '📦',
  bar_chart: '📊',
  mag: '🔍',
  no_entry: '⛔',
  no_entry_sign: '🚫',
  octagonal_sign: '🛑',
  seedling: '🌱',
  evergreen_tree: '🌲',
  herb: '🌿',
  recycle: '♻️',
  lock: '🔒',
  hammer_and_wrench: '🛠️',
  gear: '⚙️',
  zzz: '💤',
  tada: '🎉',
  mortar_board: '🎓',
  black_square_for_stop: '⏹️',
  arrow_forward: '▶️',
  grey_question: '❔',
  information_source: 'ℹ️',
  large_blue_circle: '🔵',
  large_green_circle: '🟢',
  red_circle: '🔴',
  white_circle: '⚪',
};

export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

const anchor = (url: string, label: string): string => `<a href="${url}" target="_blank" rel="noreferrer">${label}</a>`;

/** Text as Slack's clients show it where no markup is allowed: emoji only. */
export function plainToHtml(text: string): string {
  return escapeHtml(text).replace(/:([a-z0-9_+-]+):/g, (whole, name: string) => emoji[name] ?? whole);
}

function inline(text: string): string {
  return plainToHtml(text)
    .replace(/&lt;(https?:\/\/[^|&]*(?:&amp;[^|&]*)*)\|(.+?)&gt;/g, (_whole, url: string, label: string) =>
      anchor(url, label),
    )
    .replace(/&lt;(https?:\/\/.+?)&gt;/g, (_whole, url: string) => anchor(url, url))
    .replace(/(^|[\s(>])\*([^\s*][^*\n]*)\*(?=$|[\s).,:;!?<·])/g, '$1<strong>$2</strong>')
    .replace(/(^|[\s(>])_([^\s_][^_\n]*)_(?=$|[\s).,:;!?<·])/g, '$1<em>$2</em>')
    .replace(/(^|[\s(>])~([^\s~][^~\n]*)~(?=$|[\s).,:;!?<·])/g, '$1<del>$2</del>')
    .replace(/\n/g, '<br>');
}

/** Slack's markup as HTML. Only http(s) links become links; everything else is escaped. */
export function mrkdwnToHtml(text: string): string {
  // What Slack wants escaped by the sender arrives escaped: show the characters themselves.
  const decoded = (part: string): string => part.replace(/&lt;/g, '‹').replace(/&gt;/g, '›').replace(/&amp;/g, '&');
  return text
    .split(/(```[\s\S]*?```|`[^`\n]+`)/)
    .map((part) => {
      if (part.startsWith('```') && part.length > 6)
        return `<pre>${escapeHtml(decoded(part.slice(3, -3)).trim())}</pre>`;
      if (part.startsWith('`') && part.length > 2) return `<code>${escapeHtml(decoded(part.slice(1, -1)))}</code>`;
      return inline(decoded(part));
    })
    .join('');
}
