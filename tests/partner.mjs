// A client of the services `trim` and `echo` in JavaScript, on Node.js without packages.
//
//     node partner.mjs HOST ECHO_PORT TRIM_PORT BUFFER_SIZE
//
// prints `ok CASE` for each case, and fails at the first that goes wrong.
import assert from "node:assert/strict";
import { connect } from "node:net";

const [host, ...numbers] = process.argv.slice(2);
const [echo, trim, buffer] = numbers.map(Number);

/** A connection that gives out whole messages. */
class Link {
  #waiting = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  constructor(port) {
    this.socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.socket.on("data", (chunk) => {
      this.#waiting = Buffer.concat([this.#waiting, chunk]);
      this.#wake();
    });
    this.socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    this.socket.on("error", (error) => assert.fail(error));
  }

  send(...payloads) {
    this.socket.write(Buffer.concat(payloads.map(frame)));
  }

  /** The next message; `null` when the server has closed its side. */
  async receive() {
    for (;;) {
      if (this.#waiting.length >= 4) {
        const end = 4 + this.#waiting.readUInt32BE();
        if (this.#waiting.length >= end) {
          const payload = this.#waiting.subarray(4, end);
          this.#waiting = this.#waiting.subarray(end);
          return payload;
        }
      }
      if (this.#ended) {
        assert.equal(this.#waiting.length, 0, "the server closed inside a message");
        return null;
      }
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  async ask(payload) {
    this.send(payload);
    return this.receive();
  }
}

function frame(payload) {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(payload.length);
  return Buffer.concat([header, payload]);
}

function text(size) {
  return Buffer.from(Array.from({ length: size }, (_, i) => 32 + ((i * 7 + Math.floor(i / 89)) % 95)));
}

const same = (got, want) => assert.ok(got && Buffer.compare(got, want) === 0, `${got?.length} bytes, not ${want.length}`);

const cases = {
  async example() {
    const link = new Link(trim);
    same(await link.ask(Buffer.from("Four score and seven years ago")), Buffer.from(" and seven years ago"));
    same(await link.ask(Buffer.from("🦀".repeat(11))), Buffer.from("🦀"));
    same(await link.ask(Buffer.alloc(0)), Buffer.alloc(0));
    link.socket.end();
  },

  async lengths() {
    const [echoes, trims] = [new Link(echo), new Link(trim)];
    const around = Array.from({ length: 31 }, (_, i) => buffer - 15 + i);
    for (const size of [0, 1, 9, 10, 11, ...around, 3 * buffer + 7, 10 * buffer, 70_000, 1 << 20]) {
      same(await echoes.ask(text(size)), text(size));
      same(await trims.ask(text(size)), text(size).subarray(10));
    }
    echoes.socket.end();
    trims.socket.end();
  },

  async three_before_the_first_reply_is_read() {
    const link = new Link(echo);
    const texts = [text(5), text(buffer + 5), text(4 * buffer)];
    link.send(...texts);
    for (const want of texts) same(await link.receive(), want);
    link.socket.end();
  },

  async a_hundred_in_one_write() {
    const link = new Link(trim);
    link.send(...Array.from({ length: 100 }, (_, i) => Buffer.from(`0123456789 ${i}`)));
    for (let i = 0; i < 100; i++) same(await link.receive(), Buffer.from(` ${i}`));
    link.socket.end();
  },

  async one_byte_at_a_time() {
    const link = new Link(echo);
    for (const byte of frame(text(buffer + 20))) link.socket.write(Buffer.of(byte));
    same(await link.receive(), text(buffer + 20));
    link.socket.end();
  },

  async half_close() {
    const link = new Link(echo);
    const texts = [text(30), text(0), text(buffer + 1), text(5 * buffer)];
    link.send(...texts);
    link.socket.end();
    for (const want of texts) same(await link.receive(), want);
    assert.equal(await link.receive(), null);
  },

  async a_hundred_clients_at_once() {
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const link = new Link(echo);
        for (const size of [i, buffer + i, 3 * buffer + i]) same(await link.ask(text(size)), text(size));
        link.socket.end();
      }),
    );
  },
};

for (const [name, run] of Object.entries(cases)) {
  await run();
  console.log("ok", name);
}
