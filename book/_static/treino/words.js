// What the results mean, in words.

const percent = new Intl.NumberFormat("pt-BR", { style: "percent", maximumFractionDigits: 0 });
export const number = (digits) => new Intl.NumberFormat("pt-BR", {
  minimumFractionDigits: digits, maximumFractionDigits: digits,
});

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
  const optimistic = seen ? ` Além disso, ${seen === 1 ? "uma delas é quase igual" : `${seen} delas são quase iguais`} a `
    + "fotos do treino, e a medida fica otimista." : "";
  return `A rede acertou ${right} de ${all} fotos que não viu no treino. Em fotos novas do mesmo tipo, a acurácia deve `
    + `ficar entre ${percent.format(low)} e ${percent.format(high)}.${little}${optimistic}`;
}

/** One epoch's measures. */
export function epochSentence({ epoch, loss, val_loss: unseen }) {
  const format = number(3).format;
  return `Época ${epoch}: perda ${format(loss)} no treino e ${format(unseen)} na validação.`;
}
