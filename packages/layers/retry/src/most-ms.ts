/** The longest time that timers of the platform can take: they fire at once when they are given more. */
export const mostMs = 2_147_483_647;
