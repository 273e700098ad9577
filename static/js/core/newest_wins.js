/**
 * A single-flight loop: one job runs at a time, and of those offered meanwhile only the newest is
 * kept. There is never a queue.
 *
 * @template Job
 */
export class NewestWins {
  /** @type {(job: Job) => Promise<void>} */
  #run;
  /** @type {{job: Job} | null} */
  #next = null;
  #running = false;

  /** @param {(job: Job) => Promise<void>} run  must not reject; errors are its own affair */
  constructor(run) {
    this.#run = run;
  }

  /** Whether a newer job waits for the running one. */
  get superseded() {
    return this.#next !== null;
  }

  /** Whether a job is running. */
  get busy() {
    return this.#running;
  }

  /** @param {Job} job */
  offer(job) {
    this.#next = { job };
    if (!this.#running) void this.#drain();
  }

  async #drain() {
    this.#running = true;
    try {
      while (this.#next) {
        const { job } = this.#next;
        this.#next = null;
        await this.#run(job);
      }
    } finally {
      this.#running = false;
    }
  }
}
