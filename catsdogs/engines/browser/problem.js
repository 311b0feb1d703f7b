/** A failure that the reader is told of as it stands. */
export class Problem extends Error {
  name = "Problem";
}
