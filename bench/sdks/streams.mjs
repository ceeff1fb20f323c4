// How the streams of bench/sdks are cut, as they may come from a socket.
const PIECE = 1024;

export function piecesOf(data) {
  const pieces = [];
  for (let at = 0; at < data.length; at += PIECE) pieces.push(data.subarray(at, at + PIECE));
  return pieces;
}
