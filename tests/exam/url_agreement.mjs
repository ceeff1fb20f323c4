// How URLs are read, against an independent parser of the WHATWG URL standard: the one of Node (ada).
//
// Usage: url_agreement.mjs [COUNT [SEED]]. Random URLs and bases, made of what parsers disagree about. The two
// must agree on whether a text is a URL of http or https, on host and port, and on path and query. Two things may
// differ: a name outside ASCII may be refused here and taken there (IDNA tables differ), never the other way round; and
// a backslash in a query is encoded here.
import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';

const { checkUrl } = createRequire(import.meta.url)('libtau'); // found where NODE_PATH says, as import is not
const [count = '20000', seedText] = process.argv.slice(2);
const seed = seedText === undefined ? randomInt(2 ** 31) : Number(seedText);

// mulberry32
let state = seed;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = (list) => list[random(list.length)];
const some = (make, most) => Array.from({ length: random(most + 1) }, make).join('');

const ATOMS = ['a', 'b', 'Z', '0', '1', '7', '8', '9', 'x', 'f', '.', '-', '_', '~', '!', '$', '&', "'", '(', ')', '*', '+',
  ',', ';', '=', ':', '@', '/', '\\', '?', '#', '[', ']', '%', '%2e', '%2E', '%2f', '%5c', '%00', '%41', '%zz', '%', '^', '|', '`',
  '{', '}', '"', '<', '>', ' ', '\t', '\n', '\u0000', '\u001f', '\u007f', 'é', '。', '１', 'ß', '\u00ad', '日', '\ufeff'];
const HOSTS = ['example.com', 'EXAMPLE.com', 'a.b.c', '127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1',
  '017700000001', '0', '1.2.3.4.', '1.2.3.4.5', '256.1.1.1', '0x.0x.0', '08.1.1.1', '4294967295', '4294967296', 'foo.0x4', '1.2.3.',
  '[::1]', '[::ffff:127.0.0.1]', '[1:2:3:4:5:6:7:8]', '[1::2:3:4:5:6:7:8]', '[::127.0.0.256]', '[fe80::1%25lo]', '[::1', '::1]',
  '[0:0:0:0:0:ffff:7f00:1]', '%31%32%37.0.0.1', 'ex%41mple.com', 'xn--bcher-kva.de', 'localhost', 'a..b', '.', '..', '.a', 'a_b'];
const SCHEMES = ['http:', 'https:', 'HTTP:', 'hTTps:', 'ht\ttp:', 'ftp:', 'file:', 'x:', ''];
const SLASHES = ['//', '//', '//', '/', '', '\\\\', '/\\', '///', '\\'];

const garbage = (most) => some(() => pick(ATOMS), most);
const host = () => (random(3) ? pick(HOSTS) : garbage(6));
const port = () => pick(['', '', '', ':', ':80', ':443', ':8080', ':65536', ':00080', ':0', ':8a', ': 1']);
const tail = () => pick(['', '/', '/' + garbage(8), garbage(8), '/a/./b/../c', '/..//..', '?' + garbage(5), '#' + garbage(3), '//x/../y']);
const absolute = (schemes = SCHEMES) => pick(schemes) + pick(SLASHES) + pick(['', '', '', 'u@', 'u:p@', '@', 'a@b@']) + host() + port() + tail();
const relative = () => pick([tail, () => garbage(8), () => pick(SLASHES) + host() + tail(), () => '../'.repeat(random(4)) + garbage(4)])();
const base = () => pick(['', 'http://example.org/foo/bar?q', 'https://example.org:8443/a/b/', 'http://h//x', 'http://h', 'about:blank', 'a/b',
  absolute(['http:', 'https:', 'HTTP:'])]);
const blanks = () => pick(['', '', '', '', ' ', '\t', '\u0001']);

function theirs(text, from) {
  let url;
  try {
    url = from === '' ? new URL(text) : new URL(text, from);
  } catch {
    return null;
  }
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
}

function shown(url) {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  // An empty query counts as none: ada loses that of a base.
  const query = url.search.replaceAll('\\', '%5C');
  // ada of some releases leaves '^' in a path.
  return `${url.protocol}//${url.hostname}:${port}${url.pathname.replaceAll('^', '%5E')}${query}`;
}

const texts = Array.from({ length: Number(count) }, () => [blanks() + (random(4) ? absolute() : relative()) + blanks(), base()]);
let wrong = 0;
let urls = 0;
texts.forEach(([text, from]) => {
  const url = theirs(text, from);
  const ours = checkUrl(text, { http: true, any_port: true, base: from });
  urls += url !== null;
  let good;
  if (ours.url === undefined) {
    const beyondAscii = /[^\x00-\x7f]|%[89a-f][0-9a-f]/i.test(text + from);
    good = url === null || beyondAscii;
  } else {
    // Their form of an IPv6 address differs from ours: it is read once more.
    good = url !== null && shown(new URL(ours.url)) === shown(url);
  }
  if (good) return;
  if (++wrong <= 20) console.log(`# ${JSON.stringify(text)} from ${JSON.stringify(from)}: ${JSON.stringify(ours)} against ${url}`);
});
console.log(`# ${texts.length} texts, ${urls} URLs, seed ${seed}`);
console.log('1..1');
console.log(`${wrong ? 'not ok' : 'ok'} 1 - URLs are read as another parser of the standard reads them`);
process.exitCode = wrong ? 1 : 0;
