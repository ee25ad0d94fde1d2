/** Every source, transform and sink a pipeline may name, by its `type`. */
import type { Component } from './engine/component.ts';

const components: Component[] = [];

export const registry: ReadonlyMap<string, Component> = new Map(components.map(each => [each.name, each]));
