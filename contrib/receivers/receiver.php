<?php
// Receives lead events from leadmilter, checks that they are genuine, and prints them.
//
//   LEADMILTER_SECRET_FILE=crm.secret LEADMILTER_OUT=events.jsonl php -S 127.0.0.1:8899 receiver.php
//
// A pattern to copy into your own application: everything a receiver must do is in `verify`, `keep` and `take`. Needs
// nothing but PHP 8.1. LEADMILTER_SECRET_FILE is the sink's secret_file; without LEADMILTER_OUT nothing is kept, and no
// duplicate known.
declare(strict_types=1);

const TOLERANCE = 300; // seconds that the clocks of both hosts may differ
const LONGEST_BODY = 1024 * 1024;
const JSON = JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION;

/** One secret a line; two while they are being changed. */
function read_secrets(string $path): array
{
    $lines = array_map('trim', file($path));
    $secrets = array_filter($lines, fn (string $line): bool => str_starts_with($line, 'whsec_'));
    if ($secrets === []) {
        throw new RuntimeException("$path holds no line that begins with whsec_");
    }
    return array_map(fn (string $line): string => base64_decode(substr($line, 6), true), $secrets);
}

/** The event's id if the body is genuine and fresh, else null (Standard Webhooks 1.0.0). */
function verify(array $secrets, array $server, string $body, int $now): ?string
{
    $id = $server['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $server['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    // A full stop in either would let parts of what is signed change their places.
    if (!preg_match('/^[0-9A-Za-z_-]{1,64}$/D', $id) || !preg_match('/^[0-9]{1,12}$/D', $timestamp)) {
        return null;
    }
    if (abs($now - (int) $timestamp) > TOLERANCE) {
        return null;
    }
    foreach (explode(' ', $server['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        foreach ($secrets as $secret) {
            // The bytes as they came: JSON that was parsed and printed again has another signature.
            $digest = hash_hmac('sha256', "$id.$timestamp.$body", $secret, true);
            // Takes equally long however much of the signature is right.
            if (hash_equals('v1,' . base64_encode($digest), $given)) {
                return $id;
            }
        }
    }
    return null;
}

/**
 * Appends the event to the file; true if it came before. Reads the whole file each time, since PHP remembers nothing
 * from one request to the next: for more than some thousand events, take a table with a unique key.
 */
function keep(string $path, string $id, mixed $event): bool
{
    $file = fopen($path, 'c+');
    flock($file, LOCK_EX);
    $duplicate = false;
    $length = 0;
    while (($line = fgets($file)) !== false && str_ends_with($line, "\n")) {
        $duplicate = $duplicate || json_decode($line, flags: JSON)->id === $id;
        $length += strlen($line);
    }
    // Half a line that a power cut or a full disk left: its event was not answered, and comes again.
    ftruncate($file, $length);
    fseek($file, $length);
    $line = json_encode(['id' => $id, 'duplicate' => $duplicate, 'event' => $event], JSON) . "\n";
    if (fwrite($file, $line) !== strlen($line) || !fsync($file)) {
        throw new RuntimeException('the disk is full');
    }
    fclose($file);
    return $duplicate;
}

/** Keeps and prints what is genuine, and gives back what to answer. */
function take(array $server): int
{
    if ($server['REQUEST_METHOD'] !== 'POST') {
        return 405;
    }
    $body = file_get_contents('php://input', length: LONGEST_BODY + 1);
    if (strlen($body) > LONGEST_BODY) {
        return 413;
    }
    $id = verify(read_secrets(getenv('LEADMILTER_SECRET_FILE')), $server, $body, time());
    if ($id === null) {
        return 401;
    }
    $event = json_decode($body, flags: JSON);
    // Keep first, answer then: what was answered with 2xx is never sent again.
    $out = getenv('LEADMILTER_OUT');
    $note = $out && keep($out, $id, $event) ? ' (came before)' : '';
    // With `format = "cloudevents-binary"` the type is no part of the body.
    $kind = $server['HTTP_CE_TYPE'] ?? $event->type;
    file_put_contents('php://stdout', "$kind $id$note\n" . json_encode($event, JSON | JSON_PRETTY_PRINT) . "\n");
    return 204;
}

// PHP answers 200 to what breaks off, if it was told to show errors: the event would count as delivered.
http_response_code(500);
set_error_handler(function (int $level, string $message): never {
    throw new ErrorException($message);
});
http_response_code(take($_SERVER));
