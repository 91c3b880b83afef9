// What programs do that talk to the engine from Node: one script, whose answers are printed line by line.
// usage: node dockerode.js <folder of the package> <socket> <image>
"use strict";

const [, , folder, socketPath, image] = process.argv;
const Docker = require(`${folder}/node_modules/dockerode`);
const { PassThrough } = require("stream");
const crypto = require("crypto");

const docker = new Docker({ socketPath });
const say = (what, answer) => console.log(what, JSON.stringify(answer));
const hash = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex").replace(/(.{8})/g, "$1-");

/** Everything that a stream gives until its end. */
async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The two outputs of a container without a terminal. */
async function parted(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on("end", () => { out.end(); err.end(); });
  const [stdout, stderr] = await Promise.all([all(out), all(err)]);
  return { stdout: stdout.toString(), stderr: stderr.toString() };
}

const failure = (error) => ({ status: error.statusCode, message: error.json && error.json.message });

async function main() {
  say("ping", (await docker.ping()).toString());
  say("version", await docker.version());
  say("missing", await docker.getContainer("no-such-thing").inspect().catch(failure));

  const made = await docker.createContainer({
    Image: image, name: "node", Cmd: ["sh", "-c", "while read -r line; do echo \"got $line\"; done; echo end >&2; exit 5"],
    OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
  });
  const stream = await made.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const outputs = parted(stream);
  await made.start();
  stream.write("one\n");
  stream.end("two\n");
  say("outputs", await outputs);
  say("wait", await made.wait());
  say("state", (await made.inspect()).State.ExitCode);
  // Which output came first, nobody knows; of each, what came first is known.
  for (const only of [{ stdout: true }, { stderr: true }]) say("logs", (await made.logs(only)).toString("base64"));
  say("logs followed", await parted(await made.logs({ stdout: true, stderr: true, follow: true })));
  await made.remove();

  const long = await docker.createContainer({ Image: image, name: "node", Cmd: ["sleep", "1000"], HostConfig: { Init: true } });
  await long.start();
  const run = await long.exec({ Cmd: ["sh", "-c", "cat; echo done >&2; exit 6"], AttachStdin: true, AttachStdout: true, AttachStderr: true });
  const inside = await run.start({ hijack: true, stdin: true });
  const answered = parted(inside);
  inside.end("through exec\n");
  say("exec", await answered);
  say("exec code", (await run.inspect()).ExitCode);
  const archive = await all(await long.getArchive({ path: "/bin/busybox" }));
  say("archive", hash(archive));
  await long.putArchive(archive, { path: "/tmp" });
  const listing = await long.exec({ Cmd: ["sha256sum", "/tmp/busybox", "/bin/busybox"], AttachStdout: true });
  say("put", await parted(await listing.start({})));
  const stats = await long.stats({ stream: false });
  say("stats", Object.keys(stats).sort());
  say("top", Object.keys(await long.top()).sort());
  await long.kill({ signal: "TERM" });
  say("killed", await long.wait());
  say("killed again", await long.kill().catch(failure));

  const until = Math.floor(Date.now() / 1000) + 1;
  const events = await all(await docker.getEvents({ since: 1, until, filters: { container: [long.id] } }));
  say("events", events.toString().trim().split("\n").map((line) => JSON.parse(line).Action));
  await long.remove({ v: true });
  const list = await docker.listImages({ filters: { reference: [image] } });
  say("images", list.map((found) => [found.Id, found.RepoTags, found.Size]));
}

main().then(
  () => process.exit(0),
  (error) => { console.error(error); process.exit(1); },
);
