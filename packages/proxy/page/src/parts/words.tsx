interface WordsProps {
  readonly children: string;
}

/** A text in which names of settings stand between backticks, as in documents. */
export function Words({ children }: WordsProps) {
  return <>{children.split("`").map((part, n) => (n % 2 === 0 ? part : <code key={n}>{part}</code>))}</>;
}
