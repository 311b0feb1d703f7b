// What the results mean, in words.
import { number } from "../interativo/elements.js";

/** A share, 0 to 1, as a whole percentage: 0.983 → "98%". */
export const percent = (share) => `${number(100 * share, 0)}%`;

/** Wilson's 95% interval of a share, from `right` of `all`: two numbers from 0 to 1. */
export function interval(right, all) {
  const z = 1.96;
  const [share, below] = [right / all, 1 + z * z / all];
  const middle = share + z * z / (2 * all);
  const half = z * Math.sqrt(share * (1 - share) / all + z * z / (4 * all * all));
  return [(middle - half) / below, (middle + half) / below];
}

/** The accuracy of the photos held out, with what it is worth. */
export function accuracySentence(right, all, seen) {
  const [low, high] = interval(right, all);
  const little = all < 30 ? " Com tão poucas fotos, isso diz pouco." : "";
  const optimistic = seen ? ` Além disso, há entre elas fotos quase iguais às do treino (${seen}), e a medida fica `
    + "otimista." : "";
  return `A rede acertou ${right} de ${all} fotos que não viu no treino. Em fotos novas do mesmo tipo, a acurácia deve `
    + `ficar entre ${percent(low)} e ${percent(high)}.${little}${optimistic}`;
}

/** One epoch's measures. */
export function epochSentence({ epoch, loss, val_loss: unseen }) {
  return `Época ${epoch}: perda ${number(loss, 3)} no treino e ${number(unseen, 3)} na validação.`;
}

/** How many of the photos came in, and the names of those that did not. */
export function addedSentence(all, added, refused, stopped) {
  const came = added === 1 ? "Uma foto entrou." : `${added || "Nenhuma"} foto${added > 1 ? "s entraram" : " entrou"}.`;
  const named = refused.slice(0, 5).join(", ") + (refused.length > 5 ? ` e mais ${refused.length - 5}` : "");
  return (stopped ? `Parei antes do fim, com ${all} escolhidas. ` : "") + came
    + (refused.length ? ` Ficou de fora o que o navegador não abre ou é grande demais: ${named}.` : "");
}
