// A Node-RED of one's own, on a free port, with flows that take events.
//
//   SECRET=whsec_… OUT=FILE NODE_PATH=…/node_modules node node_red.js DIR
//
// DIR is its user folder. What comes to /plain is taken as Node-RED gives it by default; what comes to /signed is taken
// if it is genuine, by a node that gets the bytes. Each is written to OUT, one JSON object a line.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const RED = require('node-red');

/** What the function node `check the signature` does: genuine messages leave by its first output. */
function check(msg, env, crypto) {
    const { headers } = msg.req;
    const secret = Buffer.from(env.get('SECRET').slice('whsec_'.length), 'base64');
    const hmac = crypto.createHmac('sha256', secret);
    hmac.update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`).update(msg.payload);
    const expected = Buffer.from(`v1,${hmac.digest('base64')}`);
    const fits = (given) => given.length === expected.length && crypto.timingSafeEqual(given, expected);
    if (!headers['webhook-signature'].split(' ').map((given) => Buffer.from(given)).some(fits)) {
        msg.payload = '';
        return [null, msg];
    }
    msg.payload = JSON.parse(msg.payload);
    return [msg, null];
}

/** What the function node `tell what came` does. */
function tell(msg) {
    const { headers } = msg.req;
    const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce-'));
    msg.payload = JSON.stringify({
        path: msg.req.path,
        type: headers['content-type'],
        attributes: Object.fromEntries(attributes),
        payload: msg.payload,
    });
    return msg;
}

const node = (type, id, more) => ({ type, id, z: 'flow', ...more });
const flows = [
    { id: 'flow', type: 'tab', label: 'Lead events' },
    node('http in', 'plain', { method: 'post', url: '/plain', wires: [['tell']] }),
    node('http in', 'signed', { method: 'post', url: '/signed', skipBodyParsing: true, wires: [['check']] }),
    node('function', 'check', {
        name: 'check the signature',
        func: `return (${check})(msg, env, crypto);`,
        libs: [{ var: 'crypto', module: 'crypto' }],
        outputs: 2,
        wires: [['tell'], ['refuse']],
    }),
    node('function', 'tell', {
        name: 'tell what came',
        func: `return (${tell})(msg);`,
        outputs: 1,
        wires: [['keep']],
    }),
    node('file', 'keep', {
        filename: 'OUT',
        filenameType: 'env',
        appendNewline: true,
        overwriteFile: 'false',
        encoding: 'utf8',
        wires: [['accept']],
    }),
    node('http response', 'accept', { statusCode: '204', headers: {}, wires: [] }),
    node('http response', 'refuse', { statusCode: '401', headers: {}, wires: [] }),
];

const userDir = process.argv[2];
fs.writeFileSync(path.join(userDir, 'flows.json'), JSON.stringify(flows));
const server = http.createServer((request, response) => RED.httpNode(request, response));
RED.init(server, {
    userDir,
    flowFile: 'flows.json',
    credentialSecret: false,
    httpAdminRoot: false,
    httpNodeRoot: '/',
    functionExternalModules: true,
    externalModules: { palette: { allowInstall: false }, modules: { allowInstall: false } },
    telemetry: { enabled: false, updateNotification: false },
});
RED.events.once('flows:started', () => {
    server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}/`));
});
RED.start();
