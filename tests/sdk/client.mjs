// A person's wallet and chat made of Mixin's own SDK. It takes one JSON order per line and answers each with one line;
// a refusal is an answer too, as the SDK saw it. Nothing of MrMarket is in here: that is its use.
//
//   node client.mjs http://127.0.0.1:PORT KEYSTORE.json

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import {
  MixinApi,
  blake3Hash,
  buildSafeTransaction,
  buildSafeTransactionRecipient,
  decodeSafeTransaction,
  encodeSafeTransaction,
  getUnspentOutputsForRecipients,
  signSafeTransaction,
  uniqueConversationID,
} from "@mixin.dev/mixin-node-sdk";
import { sendRaw, websocket } from "@mixin.dev/mixin-node-sdk/blaze";

const PATIENCE_MS = 10_000;
const [base, keystoreFile] = process.argv.slice(2);
const keystore = JSON.parse(readFileSync(keystoreFile, "utf8"));
const me = keystore.app_id;
// A base with a slash at its end would be signed wrongly; retry 0 would mean five; a proxy of the machine is not for loopback.
const api = MixinApi({ keystore, requestConfig: { baseURL: base, retry: -1, timeout: 5000, proxy: false } });

const drafts = new Map();
const ours = { members: [me], threshold: 1 };
let line = null;

const orders = {
  profile: () => api.user.profile(),
  registration: () => api.safe.checkRegisteration(),
  conversation: ({ user }) => uniqueConversationID(me, user),
  balance: ({ asset }) => api.utxo.safeAssetBalance({ ...ours, asset }),
  outputs: ({ asset, state }) => api.utxo.safeOutputs({ ...ours, asset, state, limit: 500 }),
  snapshots: (query) => api.safe.fetchSafeSnapshots(query),
  transaction: ({ trace }) => api.utxo.fetchTransaction(trace),

  /** Build a payment with its change and have Mixin check it; nothing is signed yet. */
  async draft({ to, asset, amount, memo, trace }) {
    const payees = [buildSafeTransactionRecipient([to], 1, amount)];
    const unspent = await api.utxo.safeOutputs({ ...ours, asset, state: "unspent", limit: 500 });
    const { utxos, change } = getUnspentOutputsForRecipients(unspent, payees);
    if (change.gt(0)) payees.push(buildSafeTransactionRecipient([me], 1, change.toString()));
    const ghosts = await api.utxo.ghostKey(payees, trace, keystore.spend_private_key);
    const tx = buildSafeTransaction(utxos, payees, ghosts, Buffer.from(memo));
    const [checked] = await api.utxo.verifyTransaction([{ raw: encodeSafeTransaction(tx), request_id: trace }]);
    drafts.set(trace, { tx, views: checked.views });
    return { inputs: utxos.length, views: checked.views.length, transaction_hash: checked.transaction_hash };
  },

  /** Sign a draft, with its views the wrong way round when asked to, and submit it. */
  async submit({ trace, swapped }) {
    const { tx, views } = drafts.get(trace);
    const raw = signSafeTransaction(tx, swapped ? views.toReversed() : views, keystore.spend_private_key);
    const [sent] = await api.utxo.sendTransactions([{ raw, request_id: trace }]);
    return sent;
  },

  /**
   * Read an unsigned transaction and write it again: the same bytes, or one side has the form wrong.
   * Signed ones of two inputs or more this SDK cannot read: its reader does not step over a signature.
   */
  reread({ raw }) {
    const tx = decodeSafeTransaction(raw);
    return {
      raw: encodeSafeTransaction(tx),
      hash: blake3Hash(Buffer.from(raw, "hex")).toString("hex"),
      inputs: tx.inputs.length,
      amounts: tx.outputs.map((output) => output.amount),
      memo: Buffer.from(tx.extra).toString(),
    };
  },

  meet: ({ user }) => api.conversation.createContact(user),
  say: ({ to, text }) => api.message.sendText(to, text),

  /** Open Blaze and ask for what is waiting. */
  listen: () =>
    new Promise((resolve, reject) => {
      const heard = [];
      const waiting = [];
      const onMessage = (message) => {
        if (message.category !== "PLAIN_TEXT") return;
        heard.push(message);
        waiting.splice(0).forEach((wake) => wake());
      };
      const socket = websocket(keystore, base.replace("http", "ws"), { onMessage }, { parse: true, syncAck: true });
      line = { socket, heard, waiting };
      socket.onerror = ({ message }) => reject(new Error(message));
      socket.onopen = async () => resolve(await sendRaw(socket, { id: crypto.randomUUID(), action: "LIST_PENDING_MESSAGES" }));
    }),

  /** Wait until so many texts were heard since Blaze was opened, and give them all. */
  async heard({ count }) {
    const late = AbortSignal.timeout(PATIENCE_MS);
    while (line.heard.length < count) {
      await new Promise((resolve, reject) => {
        line.waiting.push(resolve);
        late.onabort = () => reject(new Error(`heard ${line.heard.length} of ${count} texts`));
      });
    }
    return line.heard;
  },

  /** Close Blaze, and return when it is closed. */
  hangUp: () =>
    new Promise((resolve) => {
      line.socket.onclose = () => resolve(true);
      line.socket.close();
    }),
};

for await (const text of createInterface({ input: process.stdin })) {
  const { order, ...facts } = JSON.parse(text);
  let answer;
  try {
    answer = { data: (await orders[order](facts)) ?? null };
  } catch (error) {
    answer = { error: { code: error.code ?? null, description: error.description ?? String(error) } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0); // kept-alive connections would hold it for five seconds
