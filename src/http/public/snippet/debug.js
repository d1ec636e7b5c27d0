// What ?lm_debug shows: every address on the page, whether it was substituted, and why not.
//
// s.js imports this file when the page's address says so. It asks s.js what that knows by lm.state(), looks at the page anew
// twice a second, and writes nothing but its own overlay.

const WRITTEN = ['href', 'title', 'aria-label', 'data-clipboard-text'];
const UNTOUCHED = {
    head: 'is in the head',
    script: 'is in a script',
    style: 'is in a style sheet',
    noscript: 'is for browsers without scripts',
    ':read-write': 'can be edited by the visitor',
    '[data-lm=off]': 'data-lm="off"',
};
const REASONS = {
    bot: 'the server takes this browser for a robot',
    consent: 'the visitor has not agreed, or the browser asks not to be tracked',
    rate: 'too many visits in a minute from this network',
    budget: 'the site had its share of new addresses for this minute',
    channel: 'the site shows substitutes to visitors of other channels only',
    page: 'the site shows substitutes to visitors of other landing pages only',
    fault: 'the server had a fault; its log tells which',
};
const ADDRESS = /[\p{L}\p{N}._%+-]+(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/giu;

// No markup and no inline style: the page's policy may forbid both.
const host = document.createElement('lm-debug');
host.dataset.lm = 'off';
const overlay = host.attachShadow({ mode: 'open' });
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
    :host {
        all: initial; position: fixed; inset: auto 0 0 0; z-index: 2147483647; max-height: 40vh; overflow: auto;
        padding: 8px 12px; border-top: 2px solid #111; background: #fff; color: #111;
        font: 13px/1.4 system-ui, sans-serif;
    }
    table { border-collapse: collapse; margin-top: 6px }
    th, td { text-align: left; padding: 2px 16px 2px 0; vertical-align: top }
    tbody tr { cursor: pointer }
    tr[data-state="substituted"] td:nth-child(3) { color: #06610f }
    tr[data-state="as it is"] td:nth-child(3) { color: #a40000 }
`);
overlay.adoptedStyleSheets = [sheet];

function look() {
    const [roots, known, asked, reply, touch, until] = lm.state();
    const { key, emails, wait, consent } = document.querySelector('script[data-emails]').dataset;
    const listed = emails.toLowerCase().match(/\S+/g);
    return { key, listed, wait, consent, roots, known, asked, reply, touch, until };
}

/** What holds for the whole page, in one sentence. */
function verdict({ wait, consent, roots, known, asked, reply, until }) {
    if (navigator.webdriver) return 'nothing is done: a program drives this browser (navigator.webdriver)';
    if (document.prerendering) return 'waiting: the page is prerendered, and nobody sees it yet';
    if (!roots.length && wait && document.readyState != 'complete') return 'waiting: data-wait, for the page to load';
    if (!roots.length && consent) return "waiting: data-consent, for lm('grant') or lm('deny')";
    if (!roots.length) return 'waiting';
    if (known && !asked) return `known from an earlier page, until ${new Date(until).toLocaleString()}`;
    if (!asked) return 'nothing was asked: this page shows no listed address';
    if (!reply) return 'asked, and no answer so far: see the network tab for the request to v1/visit';
    if (!reply.addresses) return `refused: ${reply.status || ''} ${reply.detail || reply.title || ''}`;
    const why = reply.reason ? `, because ${REASONS[reply.reason] || reply.reason}` : '';
    return `answered: ${reply.kind}, channel ${reply.channel || 'unknown'}${why}`;
}

/** Every place in which an address stands: below a document, or in a shadow root. */
function places(root, shadow) {
    const found = [];
    const add = (text, element, attribute, isSplit) => found.push({ text, element, attribute, isSplit, shadow });
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = root; node; node = walker.nextNode()) {
        if (node.nodeType == Node.TEXT_NODE) {
            for (const [text] of node.nodeValue.matchAll(ADDRESS)) add(text, node.parentElement, '');
        } else if (node.nodeType == Node.ELEMENT_NODE) {
            for (const { name, value } of node.attributes) {
                // They name the address for s.js, and show it to nobody.
                if (name == 'data-emails' || name == 'data-lm') continue;
                for (const [text] of value.matchAll(ADDRESS)) add(text, node, name);
            }
            for (const text of split(node)) add(text, node, '', true);
            if (node.shadowRoot && node != host) found.push(...places(node.shadowRoot, node.shadowRoot));
        }
    }
    return found;
}

/** Addresses that only the texts of several nodes make together, of which this element is the innermost. */
function split(element) {
    const { childNodes, textContent } = element;
    if (childNodes.length < 2 || textContent.length > 300 || !textContent.includes('@')) return [];
    if (element.closest('script,style,[data-lm*="@"]')) return [];
    // As it is rendered: the ends of two paragraphs make no address.
    const within = (node) => [...(node.innerText ?? node.nodeValue).matchAll(ADDRESS)].map(([text]) => text);
    const parts = [...childNodes].filter((node) => node.nodeType != Node.COMMENT_NODE).flatMap(within);
    return within(element).filter((text) => !parts.includes(text));
}

/** What became of one address, and why. */
function fate({ text, element, attribute, isSplit, shadow }, { known = {}, listed, roots, reply }) {
    const address = text.replace('%40', '@').replace(/%2B/i, '+').toLowerCase();
    const of = listed.find((listed) => known[listed] == address && listed != address);
    if (of) return ['substituted', `for ${of}`];
    if (!listed.includes(address)) {
        const part = listed.find((listed) => address.includes(listed));
        return ['foreign', part ? `a longer address than ${part}` : 'not in data-emails'];
    }
    return ['as it is', reason()];

    function reason() {
        if (shadow && !roots.includes(shadow)) return "in a shadow root: lm('swap', element.shadowRoot)";
        const selector = element && Object.keys(UNTOUCHED).find((selector) => element.closest(selector));
        if (selector) return UNTOUCHED[selector];
        if (isSplit) return `split over several nodes: data-lm="${address}" on their element`;
        if (attribute && !WRITTEN.includes(attribute)) return `attribute ${attribute} is not written`;
        if (attribute == 'href' && !/^mailto:/i.test(element.getAttribute('href'))) return 'a link, but not mailto:';
        if (reply && !known[address]) return 'the server gave none for it';
        return 'see above';
    }
}

/** An element, in the way a selector names it. */
function named(element) {
    if (!element) return 'shadow root';
    const { id, localName, classList } = element;
    return localName + (id ? `#${id}` : [...classList].map((name) => `.${name}`).join(''));
}

function add(name, parent, text = '') {
    const made = parent.appendChild(document.createElement(name));
    made.textContent = text;
    return made;
}

let shown;
function show() {
    const page = look();
    const { key, listed, touch = {} } = page;
    const lines = [
        `key: ${key}`,
        `data-emails: ${listed.join(' ')}`,
        `state: ${verdict(page)}`,
        `landing: ${touch.landing || ''}`,
        `referrer: ${touch.referrer || ''}`,
    ];
    const rows = places(document, null).map((place) => {
        const where = named(place.element) + (place.attribute && ` [${place.attribute}]`);
        return { element: place.element, cells: [place.text, where, ...fate(place, page)] };
    });
    // What has not changed is not written, so that it can be selected and copied.
    const text = JSON.stringify([lines, rows.map(({ cells }) => cells)]);
    if (text == shown) return;
    shown = text;
    overlay.replaceChildren();
    for (const line of lines) add('div', overlay, line);
    const table = add('table', overlay);
    const head = add('tr', add('thead', table));
    for (const name of ['address', 'where', 'state', 'why']) add('th', head, name);
    const body = add('tbody', table);
    for (const { element, cells } of rows) {
        const row = add('tr', body);
        row.dataset.state = cells[2];
        row.addEventListener('click', () => element?.scrollIntoView({ block: 'center' }));
        for (const cell of cells) add('td', row, cell);
    }
}

function start() {
    document.documentElement.append(host);
    show();
    setInterval(show, 500);
}
if (document.readyState == 'loading') addEventListener('DOMContentLoaded', start);
else start();
