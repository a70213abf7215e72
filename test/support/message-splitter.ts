/** Whole messages from the octets of a TCP connection, for servers and clients that are scripted. */

/** Gives a function that takes octets as they come, and gives each message that is whole, without its length prefix. */
export function newSplitter(): (data: Buffer) => Buffer[] {
  let held: Buffer = Buffer.alloc(0);
  return (data) => {
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    const messages: Buffer[] = [];
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const message = held.subarray(2, 2 + held.readUInt16BE(0));
      held = held.subarray(2 + message.length);
      messages.push(message);
    }
    return messages;
  };
}
