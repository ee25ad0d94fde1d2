/** Exit status of a service that found its folder served by another. */
export const LOCKED_STATUS = 75;
