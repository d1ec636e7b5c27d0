#!/usr/bin/env node
// Receives lead events from leadmilter, checks that they are genuine, and prints them.
//
// A pattern to copy into your own application: everything a receiver must do is in `verify`, `Journal` and `take`.
// Needs nothing but Node.js 18.
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const { parseArgs } = require('node:util');

const TOLERANCE = 300; // seconds that the clocks of both hosts may differ
const LONGEST_BODY = 1024 * 1024;

/** One secret a line; two while they are being changed. */
function readSecrets(path) {
    const lines = fs.readFileSync(path, 'utf8').split('\n').filter((line) => line.startsWith('whsec_'));
    const secrets = lines.map((line) => Buffer.from(line.trim().slice('whsec_'.length), 'base64'));
    if (secrets.length === 0) {
        throw new Error(`${path} holds no line that begins with whsec_`);
    }
    return secrets;
}

/** The event's id if the body is genuine and fresh, else null (Standard Webhooks 1.0.0). */
function verify(secrets, headers, body, now) {
    const id = headers['webhook-id'] ?? '';
    const timestamp = headers['webhook-timestamp'] ?? '';
    // A full stop in either would let parts of what is signed change their places.
    if (!/^[0-9A-Za-z_-]{1,64}$/.test(id) || !/^[0-9]{1,12}$/.test(timestamp)) {
        return null;
    }
    if (Math.abs(now - Number(timestamp)) > TOLERANCE) {
        return null;
    }
    for (const given of (headers['webhook-signature'] ?? '').split(' ')) {
        for (const secret of secrets) {
            // The bytes as they came: JSON that was parsed and printed again has another signature.
            const digest = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
            if (sameText(`v1,${digest}`, given)) {
                return id;
            }
        }
    }
    return null;
}

/** Takes equally long however much of two texts is the same. */
function sameText(one, other) {
    const [left, right] = [Buffer.from(one), Buffer.from(other)];
    return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Knows which events came already, and writes each to a file if there is one. A table with a unique key does the same
 * in an application with a database.
 */
class Journal {
    constructor(path) {
        this.file = path ? fs.openSync(path, 'a+') : null;
        this.length = 0;
        this.seen = new Set();
        if (this.file !== null) {
            const bytes = fs.readFileSync(this.file);
            this.length = bytes.lastIndexOf('\n') + 1;
            const lines = bytes.toString('utf8', 0, this.length).split('\n').slice(0, -1);
            this.seen = new Set(lines.map((line) => JSON.parse(line).id));
            this.cut();
        }
    }

    /** Removes half a line that a power cut or a full disk left: its event was not answered, and comes again. */
    cut() {
        fs.ftruncateSync(this.file, this.length);
    }

    /** Keeps the event; true if it came before. */
    add(id, event) {
        const duplicate = this.seen.has(id);
        if (this.file !== null) {
            const line = Buffer.from(`${JSON.stringify({ id, duplicate, event })}\n`);
            if (fs.writeSync(this.file, line) < line.length) {
                this.cut();
                throw new Error('the disk is full');
            }
            fs.fsyncSync(this.file);
            this.length += line.length;
        }
        this.seen.add(id);
        return duplicate;
    }
}

/** What to answer to a request with this body. */
function take(secrets, journal, headers, body) {
    const id = verify(secrets, headers, body, Math.floor(Date.now() / 1000));
    if (id === null) {
        return 401;
    }
    const event = JSON.parse(body.toString('utf8'));
    // Keep first, answer then: what was answered with 2xx is never sent again.
    const duplicate = journal.add(id, event);
    // With `format = "cloudevents-binary"` the type is no part of the body.
    const kind = headers['ce-type'] ?? event.type;
    console.log(`${kind} ${id}${duplicate ? ' (came before)' : ''}\n${JSON.stringify(event, null, 2)}`);
    return 204;
}

function main() {
    const { values: options } = parseArgs({
        options: {
            host: { type: 'string', default: '127.0.0.1' },
            port: { type: 'string', default: '8899' }, // 0: any that is free
            'secret-file': { type: 'string' }, // the sink's secret_file
            out: { type: 'string' }, // append events to this file, one JSON object a line
        },
    });
    if (!options['secret-file']) {
        throw new Error('--secret-file is missing');
    }
    const secrets = readSecrets(options['secret-file']);
    const journal = new Journal(options.out);

    const server = http.createServer((request, response) => {
        const answer = (status, headers = {}) => response.writeHead(status, headers).end();
        if (request.method !== 'POST') {
            return answer(405, { allow: 'POST' });
        }
        const chunks = [];
        let length = 0;
        request.on('data', (chunk) => {
            length += chunk.length;
            if (length <= LONGEST_BODY) {
                chunks.push(chunk);
            }
        });
        request.on('end', () => {
            if (length > LONGEST_BODY) {
                return answer(413);
            }
            try {
                answer(take(secrets, journal, request.headers, Buffer.concat(chunks)));
            } catch (error) {
                console.error(error);
                answer(500);
            }
        });
    });
    server.listen(Number(options.port), options.host, () => {
        console.log(`listening on http://${options.host}:${server.address().port}/`);
    });
}

main();
