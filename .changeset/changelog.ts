// What a CHANGELOG.md says of a release: each note as it was written, and in one line which dependencies are new.
interface Changeset {
  readonly summary: string;
}

interface Dependency {
  readonly name: string;
  readonly newVersion: string;
}

export default {
  getReleaseLine({ summary }: Changeset): Promise<string> {
    return Promise.resolve(`- ${summary.trim().replaceAll(/\n(?=.)/gu, "\n  ")}`);
  },

  getDependencyReleaseLine(_: readonly Changeset[], updated: readonly Dependency[]): Promise<string> {
    const names = updated.map(({ name, newVersion }) => `${name} ${newVersion}`);
    return Promise.resolve(names.length === 0 ? "" : `- Updated ${names.join(", ")}`);
  },
};
