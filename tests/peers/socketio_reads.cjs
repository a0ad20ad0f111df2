// A hospital program's view of a card reader: connects with the real socket.io-client and prints what it hears.
// usage: node socketio_reads.cjs CLIENT ADDRESS TRANSPORT[,TRANSPORT] HOW_MANY [again: connects anew when cut off]
const [, , client, address, transports, howMany, again] = process.argv;
const io = require(client);
const socket = (io.io || io)(address, {
  transports: transports.split(','), reconnection: again === 'again', reconnectionDelay: 100, reconnectionDelayMax: 200,
});
let left = Number(howMany);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
socket.on('connect', () => {
  say({ connected: true });
  const engine = socket.io.engine;
  if (engine.transport.name === 'websocket') say({ transport: 'websocket' });
  engine.on('upgrade', (transport) => say({ transport: transport.name }));
});
socket.on('connect_error', (error) => {
  if (again) return;
  say({ error: String(error.message || error) });
  process.exit(1);
});
socket.on('disconnect', (why) => say({ disconnected: why }));
socket.on('/event', (told) => {
  say(told);
  left -= 1;
  if (left === 0) setTimeout(() => { socket.close(); process.exit(0); }, 4000);
});
