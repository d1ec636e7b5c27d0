// Has libraries that are not ours judge requests: a JSON list of them on standard input, a list of verdicts on standard
// output. Needs their folder in NODE_PATH.
//
//   judge.js signatures    is it genuine? ask standardwebhooks and svix
//   judge.js events        which event is it? ask cloudevents
//   judge.js keys          does `secret`, a public key, fit to a v1a signature? ask Node.js, since no library does
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const { HTTP } = require('cloudevents');
const libraries = { standardwebhooks: require('standardwebhooks'), svix: require('svix') };

function signatures({ secret, headers, body }) {
    const verdicts = Object.entries(libraries).map(([name, library]) => {
        try {
            new library.Webhook(secret).verify(body, headers);
            return [name, 'genuine'];
        } catch (error) {
            if (!(error instanceof library.WebhookVerificationError)) {
                throw error;
            }
            return [name, error.message];
        }
    });
    return Object.fromEntries(verdicts);
}

function events({ headers, body }) {
    try {
        const { data, ...attributes } = HTTP.toEvent({ headers, body }).toJSON();
        return { attributes, data };
    } catch (error) {
        return error.message;
    }
}

function keys({ secret, headers, body }) {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(secret, 'base64').toString('base64url') };
    const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
    const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
    const given = headers['webhook-signature'].split(' ').filter((value) => value.startsWith('v1a,'));
    return given.some((value) => crypto.verify(null, signed, key, Buffer.from(value.slice('v1a,'.length), 'base64')));
}

const judge = { signatures, events, keys }[process.argv[2]];
const cases = JSON.parse(fs.readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(cases.map(judge)));
