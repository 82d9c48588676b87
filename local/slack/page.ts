import type { Block, Message } from './messages.js';
import { escapeHtml, mrkdwnToHtml, plainToHtml } from './mrkdwn.js';

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fields) : []);
const string = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A text object of Block Kit, or a plain string. */
function text(value: unknown): string {
  const object = fields(value);
  return object.type === 'mrkdwn' ? mrkdwnToHtml(string(object.text)) : plainToHtml(string(object.text));
}

function element(value: Fields): string {
  if (value.type === 'button') {
    const url = string(value.url);
    const style = value.style === 'danger' ? ' danger' : value.style === 'primary' ? ' primary' : '';
    if (!/^https?:\/\//.test(url)) return `<span class="button${style}">${text(value.text)}</span>`;
    return `<a class="button${style}" href="${escapeHtml(url)}" target="_blank" rel="noreferrer">${text(value.text)}</a>`;
  }
  if (value.type === 'image') return `<em>${escapeHtml(string(value.alt_text))}</em>`;
  return `<span>${text(value)}</span>`;
}

function block(value: Block): string {
  switch (value.type) {
    case 'header':
      return `<h3>${text(value.text)}</h3>`;
    case 'section': {
      const body = value.text === undefined ? '' : `<p>${text(value.text)}</p>`;
      const cells = list(value.fields).map((field) => `<div>${text(field)}</div>`);
      const accessory = value.accessory === undefined ? '' : element(fields(value.accessory));
      return `<div class="section"><div>${body}${cells.length > 0 ? `<div class="fields">${cells.join('')}</div>` : ''}</div>${accessory}</div>`;
    }
    case 'context':
      return `<div class="context">${list(value.elements).map(element).join('')}</div>`;
    case 'actions':
      return `<div class="actions">${list(value.elements).map(element).join('')}</div>`;
    case 'divider':
      return '<hr>';
    default:
      return `<details><summary>${escapeHtml(value.type)}</summary><pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre></details>`;
  }
}

function message(value: Message): string {
  const sent = new Date(Number(value.ts) * 1000);
  const time = `<time datetime="${sent.toISOString()}" title="${value.ts}">${sent.toISOString().slice(0, 19).replace('T', ' ')} UTC</time>`;
  const body = value.blocks.length > 0 ? value.blocks.map(block).join('') : `<p>${mrkdwnToHtml(value.text)}</p>`;
  const edited = value.edited ? ' <span class="edited">(edited)</span>' : '';
  return `<article id="m${value.ts}"><div class="avatar" aria-hidden="true">P</div><div><header><strong>Perennial</strong> <span class="app">APP</span> ${time}${edited}</header>${body}</div></article>`;
}

/** The messages: newest thread first, each thread in the order it was written. */
export function renderMessages(messages: readonly Message[]): string {
  if (messages.length === 0) return '<p class="empty">No messages yet. They appear here as runs send them.</p>';
  const key = (channelId: string, ts: string) => `${channelId}/${ts}`;
  const threads = new Map<string, Message[]>();
  for (const each of messages) {
    const id = key(each.channelId, each.threadTs ?? each.ts);
    threads.set(id, [...(threads.get(id) ?? []), each]);
  }
  return [...threads.values()]
    .reverse()
    .map((thread) => {
      const root = thread.find((each) => each.threadTs === undefined || each.threadTs === each.ts) ?? thread[0];
      const replies = thread.filter((each) => each !== root);
      const count = `${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}`;
      const below =
        replies.length === 0
          ? ''
          : `<details open class="replies"><summary>${count}</summary>${replies.map(message).join('')}</details>`;
      const channel = `#${(root?.channel ?? '').replace(/^#/, '')}`;
      return `<section class="thread"><div class="channel">${escapeHtml(channel)}</div>${root === undefined ? '' : message(root)}${below}</section>`;
    })
    .join('');
}

const style = `
:root{color-scheme:light dark;--bg:#f6f5f4;--card:#fff;--text:#1d1c1d;--soft:#616061;--line:#dddcdb;--link:#1264a3;--code:#c01343;--codebg:#f3f1f0;--accent:#2f7d4f}
@media (prefers-color-scheme:dark){:root{--bg:#121417;--card:#1b1e22;--text:#e4e4e5;--soft:#a2a5a9;--line:#33373c;--link:#6db3e8;--code:#ff8fa8;--codebg:#25292e;--accent:#63c48b}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,sans-serif}
main{max-width:820px;margin:0 auto;padding:24px 16px 64px}h1{font-size:20px;margin:0}.lead{color:var(--soft);margin:2px 0 20px}
.thread{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin-bottom:16px}
.channel{color:var(--accent);font-weight:600;font-size:13px;margin-bottom:8px}
article{display:flex;gap:10px;padding:6px 0}article>div:last-child{min-width:0;flex:1}.avatar{width:34px;height:34px;border-radius:8px;background:var(--accent);color:#fff;font-weight:700;display:grid;place-items:center;flex:none}
header{font-size:14px}.app{font-size:10px;background:var(--codebg);color:var(--soft);border-radius:3px;padding:1px 4px}time,.edited{color:var(--soft);font-size:12px}
h3{font-size:17px;margin:4px 0}p{margin:2px 0;overflow-wrap:anywhere}pre,code{font:13px/1.45 ui-monospace,monospace;background:var(--codebg);border-radius:4px}
code{color:var(--code);padding:1px 4px}pre{padding:8px 10px;overflow:auto;margin:4px 0}a{color:var(--link)}hr{border:0;border-top:1px solid var(--line)}
.section{display:flex;justify-content:space-between;gap:12px;align-items:flex-start}.section>div{min-width:0;flex:1}.fields{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:6px 16px;margin:4px 0}
.context{color:var(--soft);font-size:13px;display:flex;flex-wrap:wrap;gap:4px 12px}.actions{display:flex;gap:8px;margin:6px 0}
.button{display:inline-block;border:1px solid var(--line);border-radius:6px;padding:3px 12px;font-weight:600;font-size:13px;color:var(--text);text-decoration:none;background:var(--card);white-space:nowrap}.button.primary{background:var(--accent);border-color:var(--accent);color:#fff}.button.danger{color:var(--code);border-color:var(--code)}
.replies{border-left:2px solid var(--line);margin:6px 0 0 16px;padding-left:14px}.replies>summary{color:var(--link);font-size:13px;font-weight:600;cursor:pointer}.empty{color:var(--soft)}`;

/** Replaced only when something changed, so that a selection or a scroll position stays. */
const script = `let last;setInterval(async()=>{try{const r=await fetch('/fragment');if(!r.ok)return;const t=await r.text();
if(last!==undefined&&t!==last)document.getElementById('messages').innerHTML=t;last=t}catch{}},1500)`;

/** The whole page. */
export function renderPage(messages: readonly Message[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Slack messages · Perennial local mode</title><link rel="icon" href="data:,"><style>${style}</style></head><body><main>
<h1>Slack messages</h1><p class="lead">What Perennial would have sent to Slack. Nothing leaves this machine.</p>
<div id="messages">${renderMessages(messages)}</div></main><script>${script}</script></body></html>`;
}
