/**
 * The version of the contract between layers and what calls them. A program that loads layers at run
 * time compares it with the one that they were built for. It changes when layers built for the
 * former version would not work.
 */
export const contractVersion = 1;
