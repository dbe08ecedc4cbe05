// Node.js's readline.
//
//     node readline_peer.mjs client HOST PORT
//     node readline_peer.mjs server HOST
//
// How it is told what to send, and tells what it got: see README.md.
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const say = (text) => process.stdout.write(text + "\n");

/** Reports each line, and calls `received` with it. */
function talk(socket, received) {
  socket.setNoDelay(true);
  const lines = createInterface({ input: socket, crlfDelay: Infinity });
  lines.on("line", (line) => {
    say("got " + (Buffer.from(line).toString("hex") || "-"));
    received(line);
  });
  lines.on("close", () => {
    say("end");
    socket.end();
  });
  socket.on("error", (error) => say("failed " + error.code));
}

const [role, host, port] = process.argv.slice(2);
if (role === "client") {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  talk(socket, () => {});
  const turns = createInterface({ input: process.stdin });
  turns.on("line", (turn) => {
    for (const word of turn.split(" ").filter(Boolean)) {
      socket.write(Buffer.concat([Buffer.from(word === "-" ? "" : word, "hex"), Buffer.from("\n")]));
    }
  });
  turns.on("close", () => socket.end());
} else {
  const server = createServer({ allowHalfOpen: true }, (socket) => talk(socket, (line) => socket.write(line + "\n")));
  server.listen(0, host, () => say("listening " + server.address().port));
  process.stdin.on("end", () => process.exit(0)).resume();
}
