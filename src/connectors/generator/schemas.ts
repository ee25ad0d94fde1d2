/** The schemas that come with Sluice, by name. */

/** An event of an online game, with the fields of Dataflow's generator. */
const GAME_EVENT = `{
  "eventId": "{{uuid()}}",
  "eventTimestamp": {{timestamp()}},
  "ipv4": "{{ipv4()}}",
  "ipv6": "{{ipv6()}}",
  "country": "{{country()}}",
  "username": "{{username()}}",
  "quest": "{{random("The Lighthouse Keeper", "Nine Broken Bells", "Under the Salt Road", "A Map of Rain")}}",
  "score": {{integer(100, 10000)}},
  "completed": {{bool()}}
}`;

export const schemas = { GAME_EVENT } as const;
