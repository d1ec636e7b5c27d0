// Shows every visitor substitute addresses of their own instead of the addresses that the script tag lists:
//
//   <script async src="/_m/s.js" data-key="company" data-emails="info@company.ru sales@company.ru"></script>
//
// Asks the server once, and only where a page shows a listed address; writes nothing but texts and attributes; leaves the
// page as it is on any fault. Its attributes, its calls and all that it sends: contrib/site/README.md. What is served is
// s.min.js, which contrib/snippet makes of this file and a test keeps below 2,048 bytes compressed: hence some shortness.
(() => {
  const script = document.currentScript;
  let { key, emails, wait, consent } = script.dataset;
  const base = new URL('.', script.src);
  // A router may have changed the address bar before this runs.
  const url = performance.getEntriesByType('navigation')[0]?.name || location.href;
  const listed = emails.toLowerCase().match(/\S+/g);
  // Not as a part of a longer address. What else may stand in a local part is seldom there, and often stands before it.
  const pattern = RegExp(
    `(^|[^\\w\\p{L}.+%-])(${
      listed.join('|').replace(/[.+]/g, '\\$&').replace(/@/g, '(@|%40)')
    })(?![.-]?[\\w\\p{L}])`,
    'giu',
  );
  const untouched = 'head,script,style,noscript,:read-write,[data-lm=off]';
  const attributes = ['href', 'title', 'aria-label', 'data-clipboard-text'];
  const attributed = '[href],[title],[aria-label],[data-clipboard-text],[data-lm]';

  // These five are stored: how the visit came, whose it is, when that is forgotten, what was answered for which list, and
  // which ids were told.
  let touch;
  let visitor;
  let until;
  let answers;
  let ids;
  // What to show for which address: nothing before the answer, nor if none comes.
  let known;
  let asked;
  let reply;
  let custom;
  let anonymous = navigator.globalPrivacyControl || navigator.doNotTrack == 1;
  let allow;
  const allowed = new Promise((done) => (allow = done));
  const roots = [];
  let writes = 0;

  const bare = (address) => address.split(/[?#]/)[0];
  const send = (path, body) => navigator.sendBeacon(base + path, JSON.stringify(body));

  // Where storage is denied, every page is the first.
  const save = () => {
    try {
      if (anonymous) delete localStorage.lm;
      else localStorage.lm = JSON.stringify([touch, visitor, until, answers, ids]);
    } catch {}
  };

  const arrive = () => {
    try {
      [touch, visitor, until, answers, ids] = anonymous ? [] : JSON.parse(localStorage.lm);
    } catch {}
    // Campaigns stand behind # as well. What other keys hold nobody knows: they stay here.
    let query = url
      .match(/\b(utm_(?!ref)\w+|(g|ys?|fb|tt|tw)clid|msclkid|[gw]braid|rb_clickid|_?openstat|roistat|erid)=[^&#]*/g)
      ?.join('&');
    // The id of a click is the id of a person. That there is one is enough to know the channel.
    if (anonymous) query = query?.replace(/([^_]id=)[^&]*/g, '$1x');
    const landing = bare(url) + (query ? '?' + query : '');
    const referrer = bare(document.referrer);
    if (
      !(until > Date.now()) ||
      (query && landing != touch.landing) ||
      (referrer && referrer.indexOf(location.origin) && !answers[emails])
    ) {
      touch = { landing, referrer };
      until = Date.now() + 6048e5;
      answers = {};
    }
    save();
    known = answers[emails];
  };

  const details = () => {
    const client = {
      ga: /\b_ga=GA\d\.[^.]+\.([\d.]+)/,
      ga_session: /\b_ga_\w+=GS\d\.\d\.s?(\d+)/,
      ym: /\b_ym_uid=(\d+)/,
      fbp: /\b_fbp=([^;]+)/,
      roistat: /\broistat_visit=([^;]+)/,
    };
    for (const name in client) client[name] = (anonymous ? '' : document.cookie).match(client[name])?.[1];
    ids = JSON.stringify(client);
    return { key, visitor, ...touch, page: bare(location.href), addresses: listed, client, consent, custom };
  };

  const request = async () => {
    const before = anonymous;
    try {
      reply = await (
        await fetch(base + 'v1/visit', {
          method: 'POST',
          body: JSON.stringify(details()),
          // Who refuses has the cookie taken away.
          credentials: 'include',
          signal: AbortSignal.timeout?.(3000),
        })
      ).json();
      // Who has refused meanwhile is shown no address of their own.
      if (anonymous == before) {
        known = reply.addresses;
        visitor = reply.visitor || visitor;
        // Page and channel are reasons that stay; rate, budget, fault and bot are asked again on the next page.
        if (!/te?$/.test(reply.reason)) answers[emails] = known;
        save();
      }
    } catch {}
    roots.forEach(scan);
  };
  const ask = () => known || (asked ||= request());

  const swap = (text, isLink) =>
    text.replace(pattern, (whole, before, address) => {
      const shown = ask()[address.replace('%40', '@').toLowerCase()];
      // Some mail programs take the + of a link for a space.
      return shown ? before + shown.replace('+', isLink ? '%2B' : '+') : whole;
    });

  // Each write comes back to the observer, so what is right already is not written. With a script that always writes the
  // listed address back this would go on for ever, if not one write in many were left out.
  const write = (node, value) => {
    if (node && node.nodeValue != value && ++writes % 1e5) node.nodeValue = value;
  };

  const put = (node, isLink) => {
    const value = node?.nodeValue;
    if (
      (isLink ? /^mailto/i.test(value) : value?.includes('@')) &&
      !(node.ownerElement || node.parentElement)?.closest(untouched)
    ) {
      write(node, swap(value, isLink));
    }
  };

  const scan = (root) => {
    // What was split is one address, whichever part has changed.
    root = root.parentElement?.closest('[data-lm]') || root;
    // 4 is a text.
    const texts = document.createTreeWalker(root, 4);
    for (let text = root; text; text = texts.nextNode()) put(text);
    for (const element of [root, ...(root.querySelectorAll?.(attributed) || [])]) {
      attributes.forEach((name) => put(element.getAttributeNode?.(name), name == 'href'));
      const whole = element.dataset?.lm || '';
      let shown = swap(whole);
      if (shown != whole) {
        write(element.getAttributeNode('href'), swap('mailto:' + whole, true));
        // Its first text becomes the address, the others nothing.
        const texts = document.createTreeWalker(element, 4);
        for (let text; (text = texts.nextNode()); shown = '') write(text, shown);
      }
    }
  };

  const observer = new MutationObserver((records) => {
    const nodes = new Set(
      records.flatMap(({ type, target, addedNodes }) => (type == 'childList' ? [...addedNodes] : target)),
    );
    // Who came together with a parent is looked at with it.
    nodes.forEach((node) => nodes.has(node.parentNode) || scan(node));
  });

  const report = ({ type, target }) => {
    // Ids of others are often set after this asked.
    if (document.hidden && visitor && answers[emails]) {
      const told = ids;
      const late = details();
      if (ids != told) {
        send('v1/visit', late);
        save();
      }
    }
    const text = [
      type == 'copy' && getSelection(),
      target.closest?.('[href^=mailto],[data-clipboard-text]')?.outerHTML,
    ]
      .join()
      .replace(/%2B/g, '+');
    for (const name in known) {
      const address = known[name];
      if (visitor && text.includes(address)) send('v1/click', { key, visitor, address });
    }
  };

  const watch = (root) => {
    roots.push(root);
    observer.observe(root, { subtree: true, childList: true, characterData: true, attributeFilter: attributes });
    for (const name of ['click', 'copy', 'visibilitychange']) root.addEventListener(name, report, true);
    scan(root);
  };

  // What happens to the document bubbles no further, and is seen on its way down.
  const happens = (name) => new Promise((done) => addEventListener(name, done, true));

  const begin = async () => {
    if (navigator.webdriver) return (asked = 1);
    if (document.prerendering) await happens('prerenderingchange');
    if (wait) {
      if (document.readyState != 'complete') await happens('load');
      // Frameworks hydrate a little later.
      await new Promise(window.requestIdleCallback || setTimeout);
    }
    // Calls that were made before this ran come first.
    await (consent && allowed);
    arrive();
    watch(document);
  };
  const begun = begin();

  const commands = {
    grant(more) {
      consent = { analytics: 'granted', ...more };
      allow();
    },
    deny() {
      anonymous = true;
      consent = { analytics: 'denied' };
      arrive();
      allow();
    },
    set(values) {
      custom = values;
    },
    get: (done) => begun.then(ask).then(() => done(visitor, known || {})),
    swap: (root) => begun.then(() => watch(root)),
  };
  const lm = (name, value) => commands[name]?.(value);
  for (const call of window.lm?.q || []) lm(...call);
  window.lm = lm;
  lm.state = () => [roots, known, asked, reply, touch, until];
  if (/lm_debug/.test(url)) import(base + 'debug.js');
})();
