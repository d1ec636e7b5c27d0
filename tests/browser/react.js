// A React page: what a server renders of it, and the script that hydrates it.
//
//   NODE_PATH=…/node_modules node react.js
//
// Prints {"html": …, "script": …}. These are React's development files, which say in the console when a page's texts are not
// those that the server rendered.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const React = require('react');
const { renderToString } = require('react-dom/server');

/** A site of two pages, whose links change the address bar and load nothing. */
function site(React) {
    const { createElement: e, useState, useEffect, StrictMode } = React;

    function Contacts() {
        const [count, setCount] = useState(0);
        const told = `info@company.ru was asked ${count} times`;
        return e(
            'main',
            null,
            e('p', { id: 'address' }, 'Write to ', 'info@company.ru', '.'),
            e('a', { id: 'mail', href: `mailto:info@company.ru?subject=${count}` }, 'info@company.ru'),
            e('button', { id: 'count', onClick: () => setCount(count + 1) }, told),
        );
    }

    function Home() {
        return e('main', null, e('p', { id: 'text' }, 'Call or mail info@company.ru'));
    }

    function Site({ start }) {
        const [page, setPage] = useState(start);
        useEffect(() => {
            document.documentElement.dataset.hydrated = 'yes';
        }, []);
        const to = (page) => (event) => {
            event.preventDefault();
            history.pushState(null, '', page);
            setPage(page);
        };
        const link = (id, page) => e('a', { id, href: page, onClick: to(page) }, id);
        const links = [link('home', '/react.html'), ' ', link('contacts', '/react/contacts')];
        return e('div', null, ...links, e(page.endsWith('contacts') ? Contacts : Home));
    }

    return (start) => e(StrictMode, null, e(Site, { start }));
}

/** One script of these modules, as they are, and of what it begins with. */
function bundle(modules, main) {
    const texts = Object.entries(modules).map(([name, [of, file]]) => {
        const folder = path.dirname(require.resolve(`${of}/package.json`));
        const text = fs.readFileSync(path.join(folder, 'cjs', file), 'utf8');
        return `modules[${JSON.stringify(name)}] = (module, exports, require, process) => {${text}\n};`;
    });
    return `(() => {
        const modules = {}, loaded = {}, process = { env: { NODE_ENV: 'development' } };
        const require = (name) => {
            if (!loaded[name]) {
                const module = (loaded[name] = { exports: {} });
                modules[name](module, module.exports, require, process);
            }
            return loaded[name].exports;
        };
        ${texts.join('\n')}
        (${main})(require, ${site});
    })();`;
}

const script = bundle(
    {
        react: ['react', 'react.development.js'],
        'react-dom': ['react-dom', 'react-dom.development.js'],
        'react-dom/client': ['react-dom', 'react-dom-client.development.js'],
        scheduler: ['scheduler', 'scheduler.development.js'],
    },
    (require, site) => {
        const { hydrateRoot } = require('react-dom/client');
        hydrateRoot(document.getElementById('root'), site(require('react'))(location.pathname));
    },
);
const html = renderToString(site(React)('/react.html'));
process.stdout.write(JSON.stringify({ html, script }));
